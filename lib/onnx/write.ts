import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import { replaceFile } from "../files/replace-file.js";
import { encodeModel } from "./encode.js";
import {
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./proto/onnx_pb.js";
import { MAX_MODEL_BYTES, type OnnxModel } from "./read.js";
import { expectedBytes, isExternal } from "./tensor-proto.js";
import { tensorsOf } from "./walk.js";

/** Below this a tensor stays in the model file, as in onnx's own writer. */
const DEFAULT_THRESHOLD_BYTES = 1024;
/** Pages, so that a reader can map each tensor; Windows maps in steps of 64 KiB, worth it for large ones. */
const PAGE_BYTES = 4096;
const WINDOWS_STEP_BYTES = 65536;
const LARGE_BYTES = 1024 * 1024;

export interface WriteOnnxOptions {
  /**
   * true: large tensors go into a file beside the model. false: everything in one file.
   * Default: as the model came, and external when one file would pass the 2 GiB of the format.
   */
  externalData?: boolean;
  /** Smallest tensor that goes into the external file, in bytes. Default 1024. */
  externalThreshold?: number;
}

/**
 * Writes an ONNX model, gathering tensor data from where it lies. The file appears whole or not at all. External data
 * goes to `<name>.<hash of its bytes>.data` in the same folder: the old model keeps its old data until the new model
 * has taken its place.
 *
 * @returns the paths written, the model first
 * @throws ModelFormatError FILE_TOO_LARGE when `externalData: false` would need more than 2 GiB; any error of the disk
 */
export async function writeOnnx(
  path: string,
  model: OnnxModel,
  options: WriteOnnxOptions = {},
): Promise<string[]> {
  const stored = [...tensorsOf(model.proto)];
  const inFile = stored.reduce((sum, tensor) => sum + tensor.rawData.byteLength, 0);
  const external = options.externalData ?? (stored.some(isExternal) || inFile > MAX_MODEL_BYTES * 0.95);
  if (!external) {
    await writeModelFile(path, model, inlined(model, stored));
    await removeOldData(path, undefined);
    return [path];
  }
  const threshold = options.externalThreshold ?? DEFAULT_THRESHOLD_BYTES;
  const data = await writeDataFile(path, model, stored, threshold);
  try {
    await writeModelFile(path, model, data.replacements);
  } catch (error) {
    if (data.path !== undefined && !data.existed) await rm(data.path, { force: true });
    throw error;
  }
  await removeOldData(path, data.path);
  return data.path === undefined ? [path] : [path, data.path];
}

/** Data files of the model that stood here before; nothing refers to them any more. */
async function removeOldData(path: string, current: string | undefined): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const isData = name.startsWith(prefix) && /^[0-9a-f]{16}\.data$/.test(name.slice(prefix.length));
    if (isData && join(dirname(path), name) !== current) await rm(join(dirname(path), name));
  }
}

async function writeModelFile(
  path: string,
  model: OnnxModel,
  replacements: ReadonlyMap<Message, Message>,
): Promise<void> {
  const { pieces, length } = encodeModel(model.proto, replacements);
  if (length > MAX_MODEL_BYTES)
    throw new ModelFormatError(
      "FILE_TOO_LARGE",
      `the model needs ${length} bytes in one file, more than the 2 GiB of the format; write it with external data`,
      { path },
    );
  await replaceFile(path, (file) => file.write(pieces));
}

function inlined(model: OnnxModel, stored: readonly TensorProto[]): Map<Message, Message> {
  const replacements = new Map<Message, Message>();
  for (const tensor of stored)
    if (isExternal(tensor)) replacements.set(tensor, withoutData(tensor, { rawData: model.bytes(tensor) }));
  return replacements;
}

async function writeDataFile(
  path: string,
  model: OnnxModel,
  stored: readonly TensorProto[],
  threshold: number,
): Promise<{ path?: string; existed: boolean; replacements: Map<Message, Message> }> {
  const places = new Map<TensorProto, { offset: number; length: number }>();
  const replacements = inlined(
    model,
    stored.filter((tensor) => !isLarge(model, tensor, threshold)),
  );
  const large = stored.filter((tensor) => isLarge(model, tensor, threshold));
  if (large.length === 0) return { existed: false, replacements };
  let location = "";
  let existed = false;
  await replaceFile(path, async (file) => {
    const hash = createHash("sha256");
    for (const tensor of large) {
      const bytes = model.bytes(tensor);
      const step = bytes.byteLength >= LARGE_BYTES ? WINDOWS_STEP_BYTES : PAGE_BYTES;
      const padding = new Uint8Array((step - (file.length % step)) % step);
      places.set(tensor, { offset: file.length + padding.byteLength, length: bytes.byteLength });
      for (const piece of [padding, bytes]) {
        updateHash(hash, piece);
        await file.write(piece);
      }
    }
    location = `${basename(path)}.${hash.digest("hex").slice(0, 16)}.data`;
    existed = existsSync(join(dirname(path), location));
    return location;
  });
  for (const [tensor, { offset, length }] of places) {
    const entries = { location, offset: String(offset), length: String(length) };
    const externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    const dataLocation = TensorProto_DataLocation.EXTERNAL;
    replacements.set(tensor, withoutData(tensor, { externalData, dataLocation }));
  }
  return { path: join(dirname(path), location), existed, replacements };
}

/** Typed data (float_data and its like) stays where it is: only raw_data may be external. */
function isLarge(model: OnnxModel, tensor: TensorProto, threshold: number): boolean {
  const size = isExternal(tensor) ? expectedBytes(tensor, model.path) : tensor.rawData.byteLength;
  return size !== undefined && size > 0 && size >= threshold;
}

/** Node refuses to hash 2 GiB in one call. */
function updateHash(hash: ReturnType<typeof createHash>, bytes: Uint8Array): void {
  const step = 64 * 1024 * 1024;
  for (let at = 0; at < bytes.byteLength; at += step) hash.update(bytes.subarray(at, at + step));
}

/** The same tensor with its data elsewhere; every other field is kept. */
function withoutData(
  tensor: TensorProto,
  data: Partial<Pick<TensorProto, "rawData" | "externalData" | "dataLocation">>,
): TensorProto {
  const { dims, name, dataType, segment, docString, metadataProps, $unknown } = tensor;
  const copy = create(TensorProtoSchema, { dims, dataType, metadataProps, ...data });
  if (Object.hasOwn(tensor, "name")) copy.name = name;
  if (Object.hasOwn(tensor, "docString")) copy.docString = docString;
  if (segment) copy.segment = segment;
  if ($unknown) copy.$unknown = $unknown;
  return copy;
}
