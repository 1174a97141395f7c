import { join } from "node:path";
import type { Batch } from "../data/batches.js";
import type { SwitchedModel, SwitchedNode } from "../graph/switch-nodes.js";
import { writeOnnx } from "../onnx/write.js";
import type { Tensor } from "../tensor.js";
import type { ModelProcess } from "./model-process.js";
import type { Session } from "./session.js";
import { comparedOutputs, type Results, WorstOutput } from "./worst-output.js";

/** A model whose nodes can be quantized one by one, loaded. */
export class SwitchedSession {
  private readonly floatResults = new Map<Batch, Results>();
  private readonly outputs: string[];

  private constructor(
    private readonly session: Session,
    private readonly input: string,
    readonly nodes: readonly SwitchedNode[],
  ) {
    this.outputs = comparedOutputs(session.outputs);
  }

  /** Writes the model to `folder` and loads it. */
  static async load(
    models: ModelProcess,
    { model, input, nodes }: SwitchedModel,
    folder: string,
    threads: number | undefined,
  ): Promise<SwitchedSession> {
    const path = join(folder, "switched.onnx");
    await writeOnnx(path, model, { sync: false });
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
    const worst = new WorstOutput(this.outputs);
    for (const batch of batches) worst.add(batch, await this.floatOf(batch), await this.run(batch, on));
    return worst.sqnrDb;
  }

  release(): void {
    this.session.release();
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
