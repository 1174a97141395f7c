import { copyRegion } from "../files/map-file.js";
import type { Scratch } from "../scratch.js";
import { elementCount } from "../tensor.js";
import { isDeferred } from "./deferred.js";
import type { TensorProto } from "./proto/onnx_pb.js";
import type { BytePart, OnnxModel } from "./read.js";
import { expectedBytes, isExternal } from "./tensor-proto.js";

/** Up to here a tensor comes whole: the caches of a processor hold it while it is looked at twice. */
const WHOLE_BYTES = 16 * 1024 * 1024;
/** Of larger ones so much comes at a time. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** The values at some indices of a tensor's first axis. */
export interface FloatPiece {
  readonly from: number;
  readonly to: number;
  readonly values: Float32Array;
}

/**
 * The values of a float32 tensor: a view where it lies on a multiple of 4 bytes, else a copy in `scratch`, good until that is used
 * again. In the messages of ONNX files three tensors of four lie elsewhere, and a new array for each would cost more than reading.
 *
 * @throws ModelFormatError as OnnxModel.tensor does
 */
export function floatsOf(model: OnnxModel, stored: TensorProto, scratch: Scratch): Float32Array {
  return isRaw(stored) ? partOf(model, stored, scratch) : (model.tensor(stored).data as Float32Array);
}

/**
 * The same in pieces, each good until the next is asked for, so that a large tensor is never in memory as a whole.
 *
 * @param shape of the tensor, or another of as many elements, along whose first axis it is cut
 * @throws ModelFormatError as OnnxModel.tensor does
 */
export function* floatPieces(
  model: OnnxModel,
  stored: TensorProto,
  shape: readonly number[],
  scratch: Scratch,
): Generator<FloatPiece> {
  const [rows = 1, ...inner] = shape;
  const rowBytes = 4 * elementCount(inner);
  if (!isRaw(stored) || rows * rowBytes <= WHOLE_BYTES) {
    yield { from: 0, to: rows, values: floatsOf(model, stored, scratch) };
    return;
  }
  const step = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    const part = { from: from * rowBytes, to: to * rowBytes };
    yield { from, to, values: partOf(model, stored, scratch, part) };
  }
}

/** Whether the values lie somewhere as bytes, as many as there must be. */
function isRaw(stored: TensorProto): boolean {
  if (isDeferred(stored) || stored.floatData.length > 0) return false;
  return isExternal(stored) || stored.rawData.byteLength === expectedBytes(stored);
}

function partOf(model: OnnxModel, stored: TensorProto, scratch: Scratch, part?: BytePart): Float32Array {
  const region = model.bytes(stored, part);
  const { buffer, byteOffset, byteLength } = region;
  if (byteOffset % 4 === 0) return new Float32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
  const copy = scratch.take(byteLength);
  copyRegion(region, new Uint8Array(copy, 0, byteLength));
  return new Float32Array(copy, 0, byteLength / 4);
}
