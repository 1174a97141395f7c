import { ModelFormatError } from "../errors.js";
import type { Sample } from "./batches.js";
import { checkFeeds, mismatch } from "./check-feeds.js";
import type { SampleLike, SampleSource, SamplesInMemory } from "./open-dataset.js";
import type { ValueInfo } from "./value-info.js";

/** Samples that the user's code gives, checked one by one. Each iteration is one pass over the source. */
export class IterableSamples implements AsyncIterable<Sample> {
  private used = false;

  constructor(
    private readonly source: SamplesInMemory,
    private readonly inputs: readonly ValueInfo[],
    private readonly path: string | undefined,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Sample> {
    let labelled: boolean | undefined;
    for await (const sample of await this.open()) {
      const checked = this.check(sample);
      const hasLabel = checked.label !== undefined;
      labelled ??= hasLabel;
      if (labelled !== hasLabel)
        this.fail("some samples have a label and some have none; give one to all or to none", "label");
      yield checked;
    }
    if (labelled === undefined) this.fail("the data holds no samples");
  }

  private async open(): Promise<SampleSource> {
    const samples = typeof this.source === "function" ? await this.source() : this.source;
    const iterable =
      typeof samples === "object" &&
      samples !== null &&
      (Symbol.asyncIterator in samples || Symbol.iterator in samples);
    if (!iterable) this.fail("expected an iterable of { feeds, label? }");
    // An iterator, such as what a generator returns, is spent after one pass; a collection has no `next`.
    if (this.used && "next" in samples && typeof this.source !== "function")
      this.fail("the data can be read only once; give an array, or a function that returns an iterable");
    this.used = true;
    return samples;
  }

  private check(sample: SampleLike): Sample {
    if (typeof sample !== "object" || sample === null)
      mismatch("a sample must be { feeds: { <input>: tensor }, label? }", this.inputs, this.path);
    const { label } = sample;
    const index = Number(label);
    if (label !== undefined && !(Number.isSafeInteger(index) && index >= 0))
      this.fail(`expected an integer from 0 but received ${String(label)}`, "label");
    return {
      feeds: checkFeeds(sample.feeds, this.inputs, this.path),
      label: label === undefined ? undefined : index,
    };
  }

  private fail(message: string, field?: string): never {
    throw new ModelFormatError("DATA_MISMATCH", message, { path: this.path, field });
  }
}
