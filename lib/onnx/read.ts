import { readFileSync, statSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import { LazyMap } from "../lazy-map.js";
import type { Tensor } from "../tensor.js";
import { ExternalData } from "./external-data.js";
import { type ModelProto, ModelProtoSchema, type TensorProto } from "./proto/onnx_pb.js";
import { decodeTensor, isExternal } from "./tensor-proto.js";
import { scanWire } from "./wire-scan.js";

/** Protocol buffers end at 2 GiB; larger models keep their weights in external data. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** An ONNX model in memory. Tensors are decoded when asked for, as views of the file's bytes where possible. */
export interface OnnxModel {
  /** The model as the ONNX standard defines it; may be edited and written back. */
  readonly proto: ModelProto;
  /** The file it came from. */
  readonly path: string | undefined;
  /** The initializers of the main graph by name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** metadata_props of the model. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Any tensor stored in the model, wherever its bytes lie. Throws TENSOR_INVALID or EXTERNAL_*. */
  tensor(stored: TensorProto): Tensor;
  /** raw_data of a tensor, read from its file when it is external. */
  bytes(stored: TensorProto): Uint8Array;
  /** Releases the files of external data. Tensors already handed out stay valid. */
  close(): void;
}

/**
 * Reads an ONNX model from a file or from bytes, after checking its wire format against hostile lengths, depths and
 * counts. External data is opened when a tensor is asked for, and only from inside the model's folder.
 *
 * @throws ModelFormatError FILE_UNREADABLE, FILE_TOO_LARGE, WIRE_*, TEXT_NOT_UTF8 or MODEL_INVALID, naming file and place
 */
export function readOnnx(input: string | Uint8Array): OnnxModel {
  const path = typeof input === "string" ? input : undefined;
  const bytes = typeof input === "string" ? readModelFile(input) : input;
  scanWire(bytes, ModelProtoSchema, path);
  const proto = fromBinary(ModelProtoSchema, bytes);
  if (!proto.graph || proto.opsetImport.length === 0)
    throw new ModelFormatError("MODEL_INVALID", "this is not an ONNX model: it has no graph or no opset", {
      path,
    });
  return openModel(proto, path);
}

/** Wraps a model that was built or edited in memory; `path` is where its external data lies, if it has any. */
export function openModel(proto: ModelProto, path?: string): OnnxModel {
  const external = path === undefined ? undefined : new ExternalData(path);
  const bytes = (stored: TensorProto): Uint8Array => {
    if (!isExternal(stored)) return stored.rawData;
    if (!external)
      throw new ModelFormatError(
        "EXTERNAL_MISSING",
        "the tensor lies in external data, which a model given as bytes cannot have; give its path",
        { field: `tensor ${JSON.stringify(stored.name)}` },
      );
    return external.read(stored);
  };
  const tensor = (stored: TensorProto): Tensor => decodeTensor(stored, path, bytes(stored));
  return {
    proto,
    path,
    tensors: new LazyMap(new Map(proto.graph?.initializer.map((stored) => [stored.name, stored])), tensor),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
    tensor,
    bytes,
    close: () => external?.close(),
  };
}

function readModelFile(path: string): Uint8Array {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new ModelFormatError("FILE_UNREADABLE", "this is not a regular file", { path });
    const { size } = stat;
    if (size > MAX_MODEL_BYTES)
      throw new ModelFormatError(
        "FILE_TOO_LARGE",
        `the file has ${size} bytes; an ONNX file ends at 2 GiB, larger models need external data`,
        { path },
      );
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ModelFormatError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ModelFormatError("FILE_UNREADABLE", `the file cannot be read (${code})`, {
      path,
      cause: error,
    });
  }
}
