import { fromBinary } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import { type MapOptions, type MappedFile, mapFile } from "../files/map-file.js";
import { recognizeFormat } from "../files/recognize-format.js";
import { LazyMap } from "../lazy-map.js";
import { type ByteRegion, bytesOf, type Tensor } from "../tensor.js";
import { fillTensor, isDeferred } from "./deferred.js";
import { ExternalData } from "./external-data.js";
import { type ModelProto, ModelProtoSchema, type TensorProto } from "./proto/onnx_pb.js";
import { decodeTensor, isExternal } from "./tensor-proto.js";
import { scanWire } from "./wire-scan.js";

/** Protocol buffers end at 2 GiB; larger models keep their weights in external data. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** From one byte up to another, as in subarray. */
export interface BytePart {
  readonly from: number;
  readonly to: number;
}

/** An ONNX model. Its tensors are decoded when they are asked for, as views of its files where possible. */
export interface OnnxModel {
  /** The model as the ONNX standard defines it; may be edited and written back. */
  readonly proto: ModelProto;
  /** The file it came from. */
  readonly path: string | undefined;
  /** The initializers of the main graph by name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** metadata_props of the model. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Any tensor stored in the model, wherever its bytes lie. Throws TENSOR_INVALID, EXTERNAL_* or FILE_CLOSED. */
  tensor(stored: TensorProto): Tensor;
  /** raw_data of a tensor, or a part of it, in the model's file or in that of its external data. */
  bytes(stored: TensorProto, part?: BytePart): ByteRegion;
  /** Gives the files back: tensors that were views of them, raw_data in `proto` too, become empty. */
  close(): void;
}

/**
 * Reads an ONNX model from a file or from bytes, after checking its wire format against hostile lengths, depths and
 * counts. A file is mapped, so that the data of a tensor is read when it is looked at. External data is opened when a
 * tensor is asked for, and only from inside the model's folder.
 *
 * @throws ModelFormatError FILE_UNREADABLE, FILE_TOO_LARGE, WIRE_*, TEXT_NOT_UTF8 or MODEL_INVALID, naming file and place
 */
export function readOnnx(input: string | Uint8Array, options: MapOptions = {}): OnnxModel {
  if (typeof input !== "string") return openModel(decodeModel(input));
  return readFile(input, mapFile(input, options), options);
}

function readFile(path: string, file: MappedFile, options: MapOptions): OnnxModel {
  try {
    if (file.size > MAX_MODEL_BYTES)
      throw new ModelFormatError(
        "FILE_TOO_LARGE",
        `the file has ${file.size} bytes; an ONNX file ends at 2 GiB, larger models need external data`,
        { path },
      );
    return openModel(decodeModel(file.bytes(0, file.size), path), path, { ...options, file });
  } catch (error) {
    file.close();
    throw otherFormat(path, error) ?? error;
  }
}

/** What a file is that cannot be read as a model, where its bytes say so. */
function otherFormat(path: string, cause: unknown): ModelFormatError | undefined {
  const format = recognizeFormat(path);
  if (format === "onnx" || format === "unknown") return undefined;
  return new ModelFormatError("MODEL_INVALID", `this is not an ONNX model: its bytes are ${format}`, {
    path,
    cause,
  });
}

/**
 * The same, for a model that may never be looked at: its file is opened at once, and read when something of it is asked for, which
 * then throws what readOnnx does.
 */
export function openOnnx(path: string): OnnxModel {
  return new UnreadModel(path, mapFile(path));
}

class UnreadModel implements OnnxModel {
  private whole: OnnxModel | undefined;

  constructor(
    readonly path: string,
    private readonly file: MappedFile,
  ) {}

  get proto() {
    return this.read().proto;
  }
  get tensors() {
    return this.read().tensors;
  }
  get metadata() {
    return this.read().metadata;
  }
  tensor(stored: TensorProto): Tensor {
    return this.read().tensor(stored);
  }
  bytes(stored: TensorProto, part?: BytePart): ByteRegion {
    return this.read().bytes(stored, part);
  }
  close(): void {
    if (this.whole) this.whole.close();
    else this.file.close();
  }

  private read(): OnnxModel {
    this.whole ??= readFile(this.path, this.file, {});
    return this.whole;
  }
}

function decodeModel(bytes: Uint8Array, path?: string): ModelProto {
  const present = scanWire(bytes, ModelProtoSchema, path);
  const { graph, opsetImport } = ModelProtoSchema.field;
  // Before it is decoded: what is no model may be full of messages.
  if (!present.has(graph.number) || !present.has(opsetImport.number))
    throw new ModelFormatError("MODEL_INVALID", "this is not an ONNX model: it has no graph or no opset", {
      path,
    });
  return fromBinary(ModelProtoSchema, bytes);
}

export interface OpenOptions extends MapOptions {
  /** The file whose bytes the model's tensors view; closed with the model. */
  file?: MappedFile | undefined;
}

/** Wraps a model that was built or edited in memory; `path` is where its external data lies, if it has any. */
export function openModel(
  proto: ModelProto,
  path?: string,
  { file, ...options }: OpenOptions = {},
): OnnxModel {
  const external = path === undefined ? undefined : new ExternalData(path, options);
  let closed = false;
  const bytes = (stored: TensorProto, part?: BytePart): ByteRegion => {
    // Views of a file that was given back are empty, which must not pass for data.
    if (closed)
      throw new ModelFormatError("FILE_CLOSED", "the model was closed; use its tensors before close()", {
        path,
      });
    if (isDeferred(stored)) return cut(bytesOf(fillTensor(stored)), part);
    if (!isExternal(stored)) {
      const region = cut(stored.rawData, part);
      file?.look(region.byteLength);
      return region;
    }
    if (!external)
      throw new ModelFormatError(
        "EXTERNAL_MISSING",
        "the tensor lies in external data, which a model given as bytes cannot have; give its path",
        { field: `tensor ${JSON.stringify(stored.name)}` },
      );
    return external.region(stored, part);
  };
  const tensor = (stored: TensorProto): Tensor => decodeTensor(stored, path, bytes(stored));
  return {
    proto,
    path,
    tensors: new LazyMap(new Map(proto.graph?.initializer.map((stored) => [stored.name, stored])), tensor),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
    tensor,
    bytes,
    close() {
      closed = true;
      external?.close();
      file?.close();
    },
  };
}

function cut(bytes: Uint8Array, part: BytePart | undefined): Uint8Array {
  return part ? bytes.subarray(part.from, part.to) : bytes;
}
