import type { FileFormat } from "../files/recognize-format.js";
import type { GgufValue } from "../gguf/value.js";
import type { DType, Fill, TypedArray } from "../tensor.js";

/** A tensor as a file of any format has it. */
export interface StoredTensor {
  /** What typed array shows it; undefined for blocks, which come as their bytes. */
  readonly dtype: DType | undefined;
  /** The dtype, or what the format calls its blocks: "Q4_K". */
  readonly type: string;
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** A view of the file where that is possible, else a copy. */
  load(): TypedArray;
  /** Where only a copy is possible: makes it in memory of the caller's. */
  readonly fill?: Fill;
}

/** A file of named tensors, whatever its format. */
export interface TensorFile {
  readonly format: FileFormat;
  /** The files it consists of. */
  readonly paths: readonly string[];
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What it says of itself, as text. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The same with types and lists, where the format is GGUF. */
  readonly typedMetadata?: ReadonlyMap<string, GgufValue> | undefined;
  /** What else it holds, by name, and why that is no tensor or text. */
  readonly others: ReadonlyMap<string, string>;
  /** Gives the file back; its tensors become empty. */
  close(): void;
}
