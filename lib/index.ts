export * from "./errors.js";
export type { DType, Tensor, TypedArray } from "./tensor.js";
