import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import { type FileSink, type ReplaceOptions, replaceFile } from "../files/replace-file.js";
import type { OnProgress } from "../progress.js";
import { Scratch } from "../scratch.js";
import { type ByteRegion, bytesOf } from "../tensor.js";
import { Checksum } from "./checksum.js";
import { fillTensor, isDeferred } from "./deferred.js";
import { encodeModel, type Piece, type Replacements } from "./encode.js";
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
/** What nodes, names and shapes may take beside the data before 2 GiB are passed. */
const SHARE_OF_DATA = 0.95;
/** Smaller deferred pieces are copied where they go into one batch. */
const COPIED_BYTES = 65536;
/** How often progress is told and the signal looked at. */
const BATCH_BYTES = 64 * 1024 * 1024;

export interface WriteOnnxOptions extends ReplaceOptions {
  /**
   * true: large tensors go into a file beside the model. false: everything in one file.
   * Default: as the model came, and external when one file would pass the 2 GiB of the format.
   */
  externalData?: boolean | undefined;
  /** Smallest tensor that goes into the external file, in bytes. Default 1024. */
  externalThreshold?: number | undefined;
  /** Told the bytes of data written so far. */
  onProgress?: OnProgress | undefined;
}

/**
 * Writes an ONNX model, gathering tensor data from where it lies; of tensors whose values are yet to be made, one is in
 * memory at a time. The file appears whole or not at all. External data goes to `<name>.<checksum>.data` in the same
 * folder: the old model keeps its old data until the new model has taken its place.
 *
 * @returns the paths written, the model first
 * @throws ModelFormatError FILE_TOO_LARGE when `externalData: false` would need more than 2 GiB, FILE_CLOSED, or
 *   FILE_UNWRITABLE; the signal's reason
 */
export async function writeOnnx(
  path: string,
  model: OnnxModel,
  options: WriteOnnxOptions = {},
): Promise<string[]> {
  return new OnnxWriter(path, model, options).write();
}

class OnnxWriter {
  private readonly stored: TensorProto[];
  /** Of large tensors one is written while the next is made in other memory. */
  private readonly scratches = [new Scratch(), new Scratch()] as const;
  private filled = 0;
  private readonly small = new Scratch();
  private readonly total: number;
  private done = 0;

  constructor(
    private readonly path: string,
    private readonly model: OnnxModel,
    private readonly options: WriteOnnxOptions,
  ) {
    this.stored = [...tensorsOf(model.proto)];
    this.total = this.stored.reduce((sum, tensor) => sum + this.size(tensor), 0);
  }

  async write(): Promise<string[]> {
    const { path, stored } = this;
    const { externalData, externalThreshold = DEFAULT_THRESHOLD_BYTES } = this.options;
    // Listed before, for what comes meanwhile is of somebody else who writes here, whose model may be about to refer to it.
    const old = await dataFiles(path);
    if (!(externalData ?? (stored.some(isExternal) || this.total > MAX_MODEL_BYTES * SHARE_OF_DATA))) {
      await this.writeModel(this.inlined(stored));
      await removeData(old, undefined);
      return [path];
    }
    const isLarge = (tensor: TensorProto): boolean => {
      const size = this.size(tensor);
      return size > 0 && size >= externalThreshold;
    };
    const large = stored.filter(isLarge);
    const replacements = this.inlined(stored.filter((tensor) => !isLarge(tensor)));
    const data = large.length > 0 ? await this.writeData(large, replacements) : undefined;
    try {
      await this.writeModel(replacements);
    } catch (error) {
      if (data && !data.existed) await rm(data.path, { force: true });
      throw error;
    }
    await removeData(old, data?.path);
    return data ? [path, data.path] : [path];
  }

  private async writeModel(replacements: Replacements): Promise<void> {
    const deferred = (tensor: TensorProto) =>
      isDeferred(tensor)
        ? { byteLength: this.size(tensor), make: () => bytesOf(fillTensor(tensor, this.scratchFor(tensor))) }
        : undefined;
    const { pieces, length } = encodeModel(this.model.proto, { replacements, deferred });
    if (length > MAX_MODEL_BYTES) throw this.tooLarge(length);
    await replaceFile(this.path, (file) => this.writePieces(file, pieces), this.options);
  }

  private async writePieces(file: FileSink, pieces: readonly Piece[]): Promise<void> {
    let writing: Promise<void> | undefined;
    try {
      for (const batch of batches(pieces)) {
        this.options.signal?.throwIfAborted();
        // Made while the batch before is written.
        const bytes = batch.map(made);
        await writing;
        writing = file.write(bytes);
        this.advance(bytes.reduce((sum, { byteLength }) => sum + byteLength, 0));
      }
    } finally {
      await writing;
    }
  }

  /** Copies of tensors that now lie outside, as they are with their data in the model. */
  private inlined(tensors: readonly TensorProto[]): Map<Message, Message> {
    const outside = tensors.filter(isExternal);
    // Before a view is made: more than 4 GiB cannot be one.
    const size = outside.reduce((sum, tensor) => sum + this.size(tensor), 0);
    if (size > MAX_MODEL_BYTES) throw this.tooLarge(size);
    return new Map(
      outside.map((tensor) => {
        const { buffer, byteOffset, byteLength } = this.model.bytes(tensor);
        const rawData = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
        return [tensor, withoutData(tensor, { rawData })];
      }),
    );
  }

  /** Writes the data of tensors and adds what then stands in their place. */
  private async writeData(
    tensors: readonly TensorProto[],
    replacements: Map<Message, Message>,
  ): Promise<{ path: string; existed: boolean }> {
    const { path } = this;
    const places = new Map<TensorProto, { offset: number; length: number }>();
    let location = "";
    let existed = false;
    const write = async (file: FileSink): Promise<string> => {
      const checksum = new Checksum();
      for (const tensor of tensors) {
        this.options.signal?.throwIfAborted();
        const bytes = this.bytes(tensor);
        const step = bytes.byteLength >= LARGE_BYTES ? WINDOWS_STEP_BYTES : PAGE_BYTES;
        const padding = new Uint8Array((step - (file.length % step)) % step);
        places.set(tensor, { offset: file.length + padding.byteLength, length: bytes.byteLength });
        const written = file.write([padding, bytes]);
        // Meanwhile: the disk has threads of its own.
        checksum.update(padding);
        checksum.update(bytes);
        await written;
        this.advance(bytes.byteLength);
      }
      location = dataName(path, checksum.digest());
      existed = existsSync(join(dirname(path), location));
      return location;
    };
    await replaceFile(path, write, this.options);
    for (const [tensor, { offset, length }] of places) {
      const entries = { location, offset: String(offset), length: String(length) };
      const externalData = Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
      const dataLocation = TensorProto_DataLocation.EXTERNAL;
      replacements.set(tensor, withoutData(tensor, { externalData, dataLocation }));
    }
    return { path: join(dirname(path), location), existed };
  }

  private bytes(tensor: TensorProto): ByteRegion {
    return isDeferred(tensor) ? fillTensor(tensor, this.scratchFor(tensor)) : this.model.bytes(tensor);
  }

  private scratchFor(tensor: TensorProto): Scratch {
    return this.size(tensor) < COPIED_BYTES ? this.small : this.scratches[this.filled++ % 2]!;
  }

  /** Bytes of raw_data, wherever it is. Typed data (float_data and its like) stays where it is and does not count. */
  private size(tensor: TensorProto): number {
    if (isExternal(tensor) || isDeferred(tensor)) return expectedBytes(tensor, this.model.path) ?? 0;
    // Throws where the model was closed and this would be 0.
    return this.model.bytes(tensor).byteLength;
  }

  private advance(bytes: number): void {
    this.done += bytes;
    this.options.onProgress?.({ stage: "write", done: this.done, total: Math.max(this.done, this.total) });
  }

  private tooLarge(bytes: number): ModelFormatError {
    return new ModelFormatError(
      "FILE_TOO_LARGE",
      `the model needs ${bytes} bytes in one file, more than the 2 GiB of the format; write it with external data`,
      { path: this.path },
    );
  }
}

/** Small ones are copied, so that many go into a batch. */
function made(piece: Piece): Uint8Array {
  if (!("make" in piece)) return piece;
  return isLarge(piece) ? piece.make() : piece.make().slice();
}

function isLarge({ byteLength }: Piece): boolean {
  return byteLength >= COPIED_BYTES;
}

/** Each large deferred piece by itself, since all are made in the same memory; between them as much as comes. */
function* batches(pieces: readonly Piece[]): Generator<readonly Piece[]> {
  let batch: Piece[] = [];
  let size = 0;
  for (const piece of pieces) {
    const deferred = "make" in piece && isLarge(piece);
    if (batch.length > 0 && (deferred || size >= BATCH_BYTES)) {
      yield batch;
      batch = [];
      size = 0;
    }
    if (deferred) yield [piece];
    else {
      batch.push(piece);
      size += piece.byteLength;
    }
  }
  if (batch.length > 0) yield batch;
}

/**
 * Readers take no name of data with these characters, which may mean another folder or a drive. Without them it is joined to the rest
 * in another way than names of data of a model that is called so, which that model's next writer removes.
 */
function dataName(path: string, digest: string): string {
  const name = basename(path);
  const clean = name.replace(/[\\:\p{Cc}]/gu, "_");
  return `${clean}${clean === name ? "." : "-"}${digest}.data`;
}

/** Files of external data of models that were written here. */
async function dataFiles(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`;
  const isData = (name: string) =>
    name.startsWith(prefix) && /^[0-9a-f]{16}\.data$/.test(name.slice(prefix.length));
  const names = await readdir(dirname(path)).catch(() => []);
  return names.filter(isData).map((name) => join(dirname(path), name));
}

/** Nothing refers to them any more. What cannot be removed stays, as what is mapped does on Windows: the model is written. */
async function removeData(files: readonly string[], current: string | undefined): Promise<void> {
  for (const file of files) if (file !== current) await rm(file, { force: true }).catch(() => undefined);
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
