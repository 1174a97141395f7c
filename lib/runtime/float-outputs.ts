import { join } from "node:path";
import type { Batch } from "../data/batches.js";
import type { ValueInfo } from "../data/value-info.js";
import type { OnnxModel } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { ModelProcess } from "./model-process.js";
import type { Session } from "./session.js";
import { comparedOutputs, type Results, WorstOutput } from "./worst-output.js";

/** What a float model makes of some batches, for quantized forms of it to be compared with. */
export class FloatOutputs {
  private constructor(
    private readonly load: (model: OnnxModel) => Promise<Session>,
    private readonly names: readonly string[],
    private readonly results: ReadonlyMap<Batch, Results>,
  ) {}

  /**
   * Runs the model, which is written to the folder for that.
   *
   * @param read the batches, for the inputs that the model has
   */
  static async of(
    models: ModelProcess,
    model: OnnxModel,
    read: (inputs: readonly ValueInfo[]) => readonly Batch[] | Promise<readonly Batch[]>,
    { folder, threads }: { folder: string; threads?: number | undefined },
  ): Promise<FloatOutputs> {
    const load = async (each: OnnxModel): Promise<Session> => {
      const path = join(folder, "compared.onnx");
      await writeOnnx(path, each, { sync: false });
      // Without the integer kernels of this processor, which may be another than the model is made for.
      return models.load(path, { graphOptimization: "basic", ...(threads !== undefined && { threads }) });
    };
    const session = await load(model);
    const names = comparedOutputs(session.outputs);
    const results = new Map<Batch, Results>();
    for (const batch of await read(session.inputs)) results.set(batch, await session.run(batch.feeds, names));
    session.release();
    return new FloatOutputs(load, names, results);
  }

  /** How far the outputs of a quantized model are from these: decibels of the one that suffers most. */
  async sqnrDb(quantized: OnnxModel): Promise<number> {
    const session = await this.load(quantized);
    const worst = new WorstOutput(this.names);
    for (const [batch, float] of this.results)
      worst.add(batch, float, await session.run(batch.feeds, this.names));
    session.release();
    return worst.sqnrDb;
  }
}
