import { join } from "node:path";
import type { FitStatistics, FittedLayer } from "../../../calibrate/fit-statistics.js";
import { type Dataset, type DatasetSource, openDataset } from "../../../data/open-dataset.js";
import { observedName, withOutputs } from "../../../graph/expose-tensors.js";
import type { OnnxModel } from "../../../onnx/read.js";
import { writeOnnx } from "../../../onnx/write.js";
import { forEachBatch } from "../../../runtime/for-each-batch.js";
import type { ModelProcess } from "../../../runtime/model-process.js";
import type { Session } from "../../../runtime/session.js";
import { passesOf } from "../../passes-of.js";
import type { RepairableLayer } from "./repairable-layers.js";

export interface FitRuns {
  readonly data: DatasetSource;
  readonly samples: number | undefined;
  readonly threads: number | undefined;
  /** Where models to be run may be written. */
  readonly folder: string;
}

/** Runs a model as it was and as it is over calibration samples, for what layers see now and made then. */
export class FitCollector {
  private constructor(
    private readonly models: ModelProcess,
    private readonly model: OnnxModel,
    private readonly runs: FitRuns,
    private readonly reference: Session,
    private readonly dataset: Dataset,
  ) {}

  /**
   * @param model as it was; it may change afterwards
   * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model
   */
  static async open(
    models: ModelProcess,
    model: OnnxModel,
    layers: readonly RepairableLayer[],
    runs: FitRuns,
  ): Promise<FitCollector> {
    const tensors = layers.flatMap(({ input, target }) => [input.tensor, target.tensor]);
    const session = await load(models, model, tensors, "reference.onnx", runs);
    const { data, samples } = runs;
    const dataset = await openDataset(data, { inputs: session.inputs, samples });
    return new FitCollector(models, model, runs, session, dataset);
  }

  /**
   * Yields the statistics of layers: inputs as `model` has them, outputs as they were. Many large layers take several passes over
   * the data, so that memory grows neither with samples nor with layers. Layers that no sample reaches are left out, and those that
   * saw or made a value that is not finite, to which nothing can be fitted.
   *
   * @param model Default: the model as it was
   */
  async *collect(
    layers: readonly RepairableLayer[],
    products: boolean,
    model?: OnnxModel,
  ): AsyncGenerator<[RepairableLayer, FitStatistics]> {
    const candidate = model ? await this.load(model, layers) : this.reference;
    for (const pass of passesOf(layers, (layer) => (products ? productBytes(layer) : 0))) {
      const fitted = Object.fromEntries(
        pass.map((layer) => [layer.weight.name, exposed(this.model, layer, products)]),
      );
      await forEachBatch(
        this.dataset,
        ({ feeds, padding }) => candidate.observeFits(this.reference, feeds, fitted, padding),
        { stage: "repair" },
      );
      for (const layer of pass) {
        const statistics = await candidate.takeFit(layer.weight.name);
        if (statistics && statistics.rows > 0 && isAllFinite(statistics)) yield [layer, statistics];
      }
    }
    if (candidate !== this.reference) candidate.release();
  }

  close(): void {
    this.reference.release();
  }

  private load(model: OnnxModel, layers: readonly RepairableLayer[]): Promise<Session> {
    const tensors = layers.map(({ input }) => input.tensor);
    return load(this.models, model, tensors, "candidate.onnx", this.runs);
  }
}

function isAllFinite({ square, targetSquare }: FitStatistics): boolean {
  return square.every(Number.isFinite) && targetSquare.every(Number.isFinite);
}

/** A layer under the names that its tensors have as outputs. */
function exposed(model: OnnxModel, { input, target }: RepairableLayer, products: boolean): FittedLayer {
  const named = <L extends { tensor: string }>(read: L): L => ({
    ...read,
    tensor: observedName(model, read.tensor),
  });
  return { input: named(input), target: named(target), products };
}

async function load(
  models: ModelProcess,
  model: OnnxModel,
  tensors: readonly string[],
  file: string,
  { folder, threads }: FitRuns,
): Promise<Session> {
  const path = join(folder, file);
  const extended = withOutputs(
    model,
    new Map(tensors.map((tensor) => [observedName(model, tensor), tensor])),
  );
  await writeOnnx(path, extended, { sync: false });
  extended.close();
  return models.load(path, threads === undefined ? {} : { threads });
}

/** What the products of a layer's columns with each other and with its outputs take. */
function productBytes({ input, target, groups }: RepairableLayer): number {
  return 8 * groups * input.columns * (input.columns + target.columns);
}
