import { type Batch, withoutPadding } from "../data/batches.js";
import { ModelOperationError } from "../errors.js";
import { elementCount, type Tensor } from "../tensor.js";
import { type Accuracy, ClassTally } from "./class-tally.js";
import { pairOutputs } from "./match-values.js";
import { toNumbers } from "./numbers.js";
import { type OutputComparison, OutputDifference } from "./output-difference.js";
import type { Session } from "./session.js";

type Results = Readonly<Record<string, Tensor>>;

/** What two models made of the same batches, folded as they come. */
export class ResultComparison {
  samples = 0;
  private readonly pairs: { name: string; other: string; difference: OutputDifference }[];
  private readonly classes: { output: string; tally: ClassTally } | undefined;

  constructor(
    private readonly reference: Session,
    private readonly candidate: Session,
  ) {
    this.pairs = pairOutputs(reference, candidate).map((pair) => ({
      ...pair,
      difference: new OutputDifference(pair.name),
    }));
    const chosen = reference.outputs.find(({ dtype }) => dtype.startsWith("float"));
    this.classes = chosen && { output: chosen.name, tally: new ClassTally(chosen.name) };
  }

  add(batch: Batch, reference: Results, candidate: Results): void {
    if (batch.labels && !this.classes)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${this.reference.label}: accuracy needs an output of floats; leave the labels out`,
      );
    for (const { name, other, difference } of this.pairs) {
      const ours = reference[name]!;
      const theirs = candidate[other]!;
      this.checkShapes(name, ours, theirs);
      const shape = withoutPadding(ours.shape, batch);
      const length = elementCount(shape);
      const [a, b] = [toNumbers(ours), toNumbers(theirs)];
      difference.add(a, b, length);
      if (name === this.classes?.output && length > 0) {
        const classes = shape.length > 1 ? shape.at(-1)! : 1;
        this.classes.tally.add(a, b, length / classes, classes, batch.count, batch.labels);
      }
    }
    this.samples += batch.count;
  }

  figures(): { accuracy?: Accuracy; agreement?: number; outputs: OutputComparison[] } {
    const accuracy = this.classes?.tally.accuracy();
    return {
      ...(accuracy && { accuracy }),
      ...(this.classes && { agreement: this.classes.tally.agreement() }),
      outputs: this.pairs.map(({ difference }) => difference.result()),
    };
  }

  private checkShapes(name: string, ours: Tensor, theirs: Tensor): void {
    if (ours.shape.join() === theirs.shape.join()) return;
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `output ${name} is [${ours.shape.join(", ")}] in ${this.reference.label} but [${theirs.shape.join(", ")}] in ${this.candidate.label}`,
    );
  }
}
