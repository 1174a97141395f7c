import type { FitStatistics, FittedLayer } from "../calibrate/fit-statistics.js";
import type { LayerInput } from "../calibrate/layer-input.js";
import type { LayerStatistics } from "../calibrate/layer-statistics.js";
import type { ObservedRange, ObserverOptions } from "../calibrate/observer.js";
import type { ActivationError } from "../calibrate/rounding-error.js";
import type { ValueInfo } from "../data/value-info.js";
import type { ModelOperationCode } from "../errors.js";
import type { Tensor } from "../tensor.js";

/** How far onnxruntime rewrites the graph before it runs. */
export type GraphOptimization = "disabled" | "basic" | "extended" | "all";

export interface LoadOptions {
  /** Threads inside one operator; default: onnxruntime's own choice, one per core. */
  threads?: number;
  /**
   * Idle threads spin, as onnxruntime has them do where nothing is set: for sessions that are timed. Default: they sleep, and leave
   * the cores to those who prepare the next samples and look at the results.
   */
  spinning?: boolean;
  /** Default: all. */
  graphOptimization?: GraphOptimization;
  /** Where onnxruntime writes the model as it rewrote it. */
  optimizedModelFilePath?: string;
  /** Entries of the session's configuration, such as { "session.disable_prepacking": "1" }. */
  config?: Record<string, string>;
}

export interface TimeOptions {
  /** Runs of each session that are not timed. */
  warmup: number;
  /** Timed rounds; in each, every session has its turn. */
  rounds: number;
  /** A turn repeats the run until it lasted about this long, and counts the mean; 0 times single runs. */
  minMs: number;
}

/** How many samples a batch holds, and how many repetitions of the last one follow. */
export interface BatchRows {
  readonly count: number;
  readonly padding: number;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/** Outputs of two models to compare: of the candidate before and after rounding, and of the reference, where it has it. */
export interface ComparedPair {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly float?: string;
}

/** What the parent may ask of the child; one entry per method. */
export interface Methods {
  load: {
    params: { model: string | Uint8Array; options: LoadOptions };
    result: { session: number; inputs: ValueInfo[]; outputs: ValueInfo[] };
  };
  run: {
    params: { session: number; feeds: Feeds; outputNames: readonly string[] };
    result: Record<string, Tensor>;
  };
  observe: {
    params: {
      session: number;
      feeds: Feeds;
      outputNames: readonly string[];
      observer: ObserverOptions;
      rows: BatchRows;
    };
    result: undefined;
  };
  observed: { params: { session: number }; result: Record<string, ObservedRange> };
  observeLayers: {
    params: {
      session: number;
      feeds: Feeds;
      layers: Readonly<Record<string, LayerInput>>;
      gram: boolean;
      padding: number;
    };
    result: undefined;
  };
  takeLayer: { params: { session: number; layer: string }; result: LayerStatistics | undefined };
  observeFits: {
    params: {
      reference: number;
      candidate: number;
      feeds: Feeds;
      layers: Readonly<Record<string, FittedLayer>>;
      padding: number;
    };
    result: undefined;
  };
  takeFit: { params: { session: number; layer: string }; result: FitStatistics | undefined };
  compareTensors: {
    params: {
      reference: number;
      candidate: number;
      feeds: Feeds;
      pairs: readonly ComparedPair[];
      rows: BatchRows;
    };
    result: undefined;
  };
  comparedTensors: { params: { candidate: number }; result: Record<string, ActivationError> };
  time: { params: { sessions: readonly number[]; feeds: Feeds; options: TimeOptions }; result: number[][] };
  version: { params: undefined; result: string };
  peakMemory: { params: undefined; result: number };
  release: { params: { session: number }; result: undefined };
}

export type Method = keyof Methods;

/** What the child does for some of the methods. */
export type Handlers<M extends Method> = {
  [K in M]: (params: Methods[K]["params"]) => Promise<Methods[K]["result"]>;
};

export interface Request<M extends Method = Method> {
  id: number;
  method: M;
  params: Methods[M]["params"];
}

export type Reply =
  | { id: number; result: Methods[Method]["result"] }
  | { id: number; error: { code: ModelOperationCode; message: string } };
