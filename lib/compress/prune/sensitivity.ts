import { join } from "node:path";
import type { Batch } from "../../data/batches.js";
import { type DatasetSource, openDataset } from "../../data/open-dataset.js";
import { randomDataset } from "../../data/random-dataset.js";
import type { ValueInfo } from "../../data/value-info.js";
import { ModelFormatError } from "../../errors.js";
import type { OnnxModel } from "../../onnx/read.js";
import { writeOnnx } from "../../onnx/write.js";
import type { OnProgress } from "../../progress.js";
import { magnitudeThreshold } from "../../prune/magnitude-threshold.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import type { Session } from "../../runtime/session.js";
import { comparedOutputs, type Results, WorstOutput } from "../../runtime/worst-output.js";
import { Scratch } from "../../scratch.js";
import type { Tensor } from "../../tensor.js";
import type { GraphWeight } from "./choose-weights.js";
import { withThresholds } from "./threshold-model.js";

/** What the outputs suffer when a weight alone is pruned so far. */
export interface SensitivityPoint {
  sparsity: number;
  /** Signal to noise of the output that suffers most, in dB; Infinity where none changes, which JSON writes as null. */
  sqnrDb: number;
}

export interface SensitivityCurve {
  /** The tensor that holds the weight. */
  name: string;
  nodes: { name: string; opType: string }[];
  values: number;
  points: SensitivityPoint[];
}

export interface SensitivityOptions {
  readonly data?: DatasetSource | undefined;
  readonly samples?: number | undefined;
  readonly sparsities?: readonly number[] | undefined;
  readonly threads?: number | undefined;
  /** Where the model to be run may be written. */
  readonly folder: string;
  readonly onProgress?: OnProgress | undefined;
}

export interface MeasuredSensitivity {
  /** One for each weight that can be pruned; those in subgraphs are not measured. */
  curves: SensitivityCurve[];
  samples: number;
  data: "given" | "random (seeded)";
}

/** To what each weight is pruned, where nothing else is asked for. */
export const SPARSITIES: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
/** Enough to tell layers apart; each costs a run for every layer and sparsity. */
const SAMPLES = 64;
const RANDOM_SAMPLES = 16;

/** Prunes one weight after the other, each to every sparsity, and measures how far the outputs are from the dense model's. */
export async function measureSensitivity(
  models: ModelProcess,
  model: OnnxModel,
  weights: readonly GraphWeight[],
  options: SensitivityOptions,
): Promise<MeasuredSensitivity> {
  const pruning = withThresholds(model, weights);
  const path = join(options.folder, "sensitivity.onnx");
  await writeOnnx(path, pruning.model, { sync: false });
  const { threads } = options;
  const session = await models.load(path, {
    graphOptimization: "basic",
    ...(threads !== undefined && { threads }),
  });
  const inputs = session.inputs.filter(({ name }) => name !== pruning.input);
  const batches = await readBatches(inputs, options);
  const runs = new ThresholdRuns(session, pruning.input, pruning.weights.length, batches);
  const curves: SensitivityCurve[] = [];
  const scratch = new Scratch();
  for (const [i, weight] of pruning.weights.entries()) {
    const values = weight.load(scratch);
    const points: SensitivityPoint[] = [];
    for (const sparsity of options.sparsities ?? SPARSITIES)
      points.push({ sparsity, sqnrDb: await runs.sqnrDb(i, magnitudeThreshold(values, sparsity)) });
    const { name, nodes, count } = weight;
    curves.push({ name, nodes: nodes.map((node) => ({ ...node })), values: count, points });
    options.onProgress?.({ stage: "measure", done: i + 1, total: pruning.weights.length });
  }
  session.release();
  const samples = batches.reduce((sum, { count }) => sum + count, 0);
  return { curves, samples, data: options.data === undefined ? "random (seeded)" : "given" };
}

async function readBatches(
  inputs: readonly ValueInfo[],
  { data, samples }: SensitivityOptions,
): Promise<Batch[]> {
  const dataset =
    data === undefined
      ? randomDataset(inputs, { samples: samples ?? RANDOM_SAMPLES })
      : await openDataset(data, { inputs, samples: samples ?? SAMPLES });
  const batches: Batch[] = [];
  for await (const batch of dataset) batches.push(batch);
  if (batches.length === 0) throw new ModelFormatError("DATA_MISMATCH", "the data holds no samples");
  return batches;
}

/** Runs a model with a threshold for each of its weights, and compares with the dense one. */
class ThresholdRuns {
  private readonly dense = new Map<Batch, Results>();
  private readonly outputs: string[];

  constructor(
    private readonly session: Session,
    private readonly input: string,
    private readonly weights: number,
    private readonly batches: readonly Batch[],
  ) {
    this.outputs = comparedOutputs(session.outputs);
  }

  /** Signal to noise of the outputs when one weight loses the magnitudes up to a threshold. */
  async sqnrDb(weight: number, threshold: number): Promise<number> {
    const worst = new WorstOutput(this.outputs);
    const thresholds = this.nothing();
    thresholds[weight] = threshold;
    for (const batch of this.batches)
      worst.add(batch, await this.denseOf(batch), await this.run(batch, thresholds));
    return worst.sqnrDb;
  }

  private async denseOf(batch: Batch): Promise<Results> {
    const known = this.dense.get(batch);
    if (known) return known;
    const results = await this.run(batch, this.nothing());
    this.dense.set(batch, results);
    return results;
  }

  private nothing(): Float32Array {
    return new Float32Array(this.weights).fill(-1);
  }

  private run({ feeds }: Batch, data: Float32Array): Promise<Results> {
    const thresholds: Tensor = { dtype: "float32", shape: [data.length], data };
    return this.session.run({ ...feeds, [this.input]: thresholds }, this.outputs);
  }
}
