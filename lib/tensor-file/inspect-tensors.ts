import { statSync } from "node:fs";
import type { MapOptions } from "../files/map-file.js";
import type { FileFormat } from "../files/recognize-format.js";
import type { OnProgress } from "../progress.js";
import { type CompressedSummary, describeCompressed } from "./describe-compressed.js";
import { openTensorFile } from "./open-tensor-file.js";
import { type TensorStatistics, tensorStatistics } from "./tensor-statistics.js";

export interface InspectTensorsOptions extends MapOptions {
  /** Read every tensor and tell its range, zeros and NaN. Default false: headers only. */
  stats?: boolean | undefined;
  /** Looked at between tensors. */
  signal?: AbortSignal | undefined;
  /** Told the bytes of the tensors looked at so far. */
  onProgress?: OnProgress | undefined;
}

export interface TensorDescription {
  name: string;
  /** "float32", or what the format calls its blocks: "Q4_K". */
  type: string;
  /** Sizes, outermost first. */
  shape: number[];
  bytes: number;
  /** With `stats`; absent for a tensor without values, and for floats of 6 bits, complex numbers and blocks that come as bytes. */
  stats?: TensorStatistics;
}

export interface TensorFileSummary {
  format: FileFormat;
  /** The files it consists of, and their bytes together; external data of ONNX is not among them. */
  files: string[];
  size: number;
  /** In the order of the file. */
  tensors: TensorDescription[];
  metadata: Record<string, string>;
  /** What is no tensor or text, by name, and what it is. */
  others: Record<string, string>;
  /** Which of the tensors are quantized weights in the compressed-tensors convention; absent where none is. */
  compressed?: CompressedSummary;
}

/**
 * Lists the tensors of a file of any format: ONNX (initializers of the main graph), safetensors and sets of them, GGUF, npy, npz.
 *
 * @throws ModelFormatError FORMAT_UNKNOWN, or what says where the file is damaged; the signal's reason
 */
export async function inspectTensors(
  path: string,
  { stats = false, signal, onProgress, ...options }: InspectTensorsOptions = {},
): Promise<TensorFileSummary> {
  const file = openTensorFile(path, options);
  try {
    const stored = [...file.tensors];
    const total = stored.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
    const tensors: TensorDescription[] = [];
    let done = 0;
    for (const [name, tensor] of stored) {
      const { type, shape, byteLength } = tensor;
      const description = { name, type, shape: [...shape], bytes: byteLength };
      signal?.throwIfAborted();
      const found = stats ? tensorStatistics(tensor) : undefined;
      tensors.push(found === undefined ? description : { ...description, stats: found });
      if (!stats) continue;
      done += byteLength;
      onProgress?.({ stage: "read", done, total });
      await new Promise((resolve) => setImmediate(resolve));
    }
    const compressed = describeCompressed(file.tensors, file.paths[0]!);
    return {
      format: file.format,
      files: [...file.paths],
      size: file.paths.reduce((sum, each) => sum + statSync(each).size, 0),
      tensors,
      metadata: Object.fromEntries(file.metadata),
      others: Object.fromEntries(file.others),
      ...(compressed && { compressed }),
    };
  } finally {
    file.close();
  }
}
