import type { Backend, DType } from "modelpress";

/** What a benchmark hands on to the library's call, as `...how`. Empty for the call that names nothing. */
export interface How {
  backend?: Backend;
  threads?: number;
}

/** Arrays that benchmarks work on. */
export type Data =
  | Float64Array
  | Float32Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array;

/** A tensor of the ONNX model that does the same work. */
export interface OnnxTensor {
  dtype: DType;
  shape: readonly number[];
  data: Data;
}

export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Integers or lists of integers. */
  attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** The same work for onnxruntime-node: nearly always one node. */
export interface OnnxWork {
  nodes: readonly OnnxNode[];
  inputs: Readonly<Record<string, OnnxTensor>>;
  /** Reused from call to call. */
  outputs: Readonly<Record<string, OnnxTensor>>;
  /** The version of the operators; default 21. */
  opset?: number;
}

/** One operation on n elements. Every contender works on the same arrays, and outputs are reused. */
export interface Work {
  /** The library's own call, ready to be made again and again. */
  library(how: How): () => unknown;
  /** The largest array that is read, and the largest that is written, if any: they decide what the memory's limit is. */
  input: Data;
  output?: Data;
  /** Where each value of the input is counted, in about so many counters: then the increments alone are the limit. */
  counters?: number;
  /** What people write without a library, where they do; it may be wrong on ties and NaN. */
  naive?: Readonly<Record<string, () => unknown>>;
  /** JavaScript that is faster than the js backend, where there is any. */
  javascript?: Readonly<Record<string, () => unknown>>;
  onnx?: OnnxWork;
}

export interface Benchmark {
  name: string;
  /** Sizes must be a multiple of this; others are passed over. Default 1. */
  multiple?: number;
  /** The call that names no backend goes to the best one, where a function of the library would choose js for few values. */
  choosesNothing?: boolean;
  prepare(n: number): Work;
}
