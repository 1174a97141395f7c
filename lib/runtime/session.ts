import type { FitStatistics, FittedLayer } from "../calibrate/fit-statistics.js";
import type { LayerInput } from "../calibrate/layer-input.js";
import type { LayerStatistics } from "../calibrate/layer-statistics.js";
import type { ObservedRange, ObserverOptions } from "../calibrate/observer.js";
import type { ActivationError } from "../calibrate/rounding-error.js";
import type { ValueInfo } from "../data/value-info.js";
import type { Tensor } from "../tensor.js";
import type { ModelProcess } from "./model-process.js";
import type { BatchRows, ComparedPair, Feeds } from "./protocol.js";

/** A model loaded in a ModelProcess. */
export class Session {
  /** Made by ModelProcess.load. */
  constructor(
    private readonly process: ModelProcess,
    readonly id: number,
    /** The model's path, for messages. */
    readonly label: string,
    readonly inputs: readonly ValueInfo[],
    /** Outputs that are tensors of numbers. */
    readonly outputs: readonly ValueInfo[],
  ) {}

  /**
   * Runs the model. float16 is bits in a Uint16Array, int64 a BigInt64Array, bool a Uint8Array.
   * Rejects with RUNTIME_FAILED where onnxruntime refuses, PROCESS_DIED where it dies.
   */
  run(feeds: Feeds, outputNames: readonly string[] = this.outputNames()): Promise<Record<string, Tensor>> {
    return this.process.request("run", { session: this.id, feeds, outputNames });
  }

  /**
   * Runs the model and folds every float32 output named into an observer that stays in the child; other outputs are
   * passed over. Repetitions that fill up a batch are not counted. Rejects with CALIBRATION_INVALID, naming the tensor, where a value is NaN or infinite.
   */
  async observe(
    feeds: Feeds,
    outputNames: readonly string[],
    observer: ObserverOptions = { method: "minmax" },
    rows: BatchRows = { count: 1, padding: 0 },
  ): Promise<void> {
    await this.process.request("observe", { session: this.id, feeds, outputNames, observer, rows });
  }

  /** What `observe` has seen until now, by output name. */
  observed(): Promise<Record<string, ObservedRange>> {
    return this.process.request("observed", { session: this.id });
  }

  /**
   * Runs the model and folds the inputs of layers, by any name for the layer, into statistics that stay in the child; `gram`
   * asks for the products of columns too. Inputs that are not float32 are passed over, and so are the last `padding` rows of a batch.
   */
  async observeLayers(
    feeds: Feeds,
    layers: Readonly<Record<string, LayerInput>>,
    gram: boolean,
    padding = 0,
  ): Promise<void> {
    await this.process.request("observeLayers", { session: this.id, feeds, layers, gram, padding });
  }

  /** What `observeLayers` has seen of a layer, which the child forgets; undefined where it saw nothing. */
  takeLayer(layer: string): Promise<LayerStatistics | undefined> {
    return this.process.request("takeLayer", { session: this.id, layer });
  }

  /**
   * Runs this model and a reference, loaded in the same process, and folds the inputs that layers have here with the outputs that
   * they have there into statistics that stay in the child. Tensors that are not float32 are passed over, and so are the last
   * `padding` rows of a batch.
   */
  async observeFits(
    reference: Session,
    feeds: Feeds,
    layers: Readonly<Record<string, FittedLayer>>,
    padding = 0,
  ): Promise<void> {
    const sessions = { reference: reference.id, candidate: this.id };
    await this.process.request("observeFits", { ...sessions, feeds, layers, padding });
  }

  /** What `observeFits` has seen of a layer, which the child forgets; undefined where it saw nothing. */
  takeFit(layer: string): Promise<FitStatistics | undefined> {
    return this.process.request("takeFit", { session: this.id, layer });
  }

  /**
   * Runs a reference, loaded in the same process, and this model, and folds what becomes of the pairs into errors that
   * stay in the child. All outputs named must be float32.
   */
  async compareTensors(
    reference: Session,
    feeds: Feeds,
    pairs: readonly ComparedPair[],
    rows: BatchRows,
  ): Promise<void> {
    const sessions = { reference: reference.id, candidate: this.id };
    await this.process.request("compareTensors", { ...sessions, feeds, pairs, rows });
  }

  /** What `compareTensors` has found until now, by the name of the pair. */
  comparedTensors(): Promise<Record<string, ActivationError>> {
    return this.process.request("comparedTensors", { candidate: this.id });
  }

  /** Frees the model's memory, before anything else that is asked of the process; the session cannot be used any more. */
  release(): void {
    // Nobody waits for it, and a process that is gone holds nothing.
    this.process.request("release", { session: this.id }).catch(() => undefined);
  }

  private outputNames(): string[] {
    return this.outputs.map(({ name }) => name);
  }
}
