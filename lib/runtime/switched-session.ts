import { join } from "node:path";
import { type Batch, withoutPadding } from "../data/batches.js";
import type { SwitchedModel, SwitchedNode } from "../graph/switch-nodes.js";
import { writeOnnx } from "../onnx/write.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { ModelProcess } from "./model-process.js";
import { toNumbers } from "./numbers.js";
import { OutputDifference } from "./output-difference.js";
import type { Session } from "./session.js";

type Results = Readonly<Record<string, Tensor>>;

/** A model whose nodes can be quantized one by one, loaded. */
export class SwitchedSession {
  private readonly floatResults = new Map<Batch, Results>();
  private readonly outputs: string[];

  private constructor(
    private readonly session: Session,
    private readonly input: string,
    readonly nodes: readonly SwitchedNode[],
  ) {
    const floats = session.outputs.filter(({ dtype }) => dtype.startsWith("float"));
    this.outputs = (floats.length > 0 ? floats : session.outputs).map(({ name }) => name);
  }

  /** Writes the model to `folder` and loads it. */
  static async load(
    models: ModelProcess,
    { model, input, nodes }: SwitchedModel,
    folder: string,
    threads: number | undefined,
  ): Promise<SwitchedSession> {
    const path = join(folder, "switched.onnx");
    await writeOnnx(path, model);
    const session = await models.load(path, {
      graphOptimization: "basic",
      ...(threads !== undefined && { threads }),
    });
    return new SwitchedSession(session, input, nodes);
  }

  /** The inputs of the float model. */
  get inputs() {
    return this.session.inputs.filter(({ name }) => name !== this.input);
  }

  /**
   * How far the outputs are from the float ones when these nodes are quantized, and of some others the constants:
   * decibels of the output that suffers most, over all batches; Infinity where none changes.
   */
  async sqnrDb(
    quantized: Iterable<SwitchedNode>,
    batches: readonly Batch[],
    stored: Iterable<SwitchedNode> = [],
  ): Promise<number> {
    const on = new Uint8Array(2 * this.nodes.length);
    for (const { index } of stored) on[2 * index] = 1;
    for (const { index } of quantized) on.fill(1, 2 * index, 2 * index + 2);
    const differences = new Map(this.outputs.map((name) => [name, new OutputDifference(name)]));
    for (const batch of batches) {
      const float = await this.floatOf(batch);
      const results = await this.run(batch, on);
      for (const [name, difference] of differences) {
        const [ours, theirs] = [float[name]!, results[name]!];
        difference.add(toNumbers(ours), toNumbers(theirs), elementCount(withoutPadding(ours.shape, batch)));
      }
    }
    const all = [...differences.values()].map((difference) => difference.result().sqnrDb);
    // A model that gives NaN is as far off as can be.
    return Math.min(...all.map((sqnrDb) => (Number.isNaN(sqnrDb) ? Number.NEGATIVE_INFINITY : sqnrDb)));
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private async floatOf(batch: Batch): Promise<Results> {
    const known = this.floatResults.get(batch);
    if (known) return known;
    const results = await this.run(batch, new Uint8Array(2 * this.nodes.length));
    this.floatResults.set(batch, results);
    return results;
  }

  private run({ feeds }: Batch, data: Uint8Array<ArrayBuffer>): Promise<Results> {
    const switches: Tensor = { dtype: "bool", shape: [data.length], data };
    return this.session.run({ ...feeds, [this.input]: switches }, this.outputs);
  }
}
