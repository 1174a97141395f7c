import { create } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";
import {
  type ByteRegion,
  bitsPerElement,
  bytesOf,
  type DType,
  type Tensor,
  type TypedArray,
  viewAs,
} from "../tensor.js";
import { dataTypeName, dataTypeOf, dtypeOf } from "./data-type.js";
import {
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./proto/onnx_pb.js";

/** Far above any real tensor, and far below where products of sizes stop being exact. */
const MAX_ELEMENTS = 2 ** 40;
const MAX_RANK = 64;

/** True when the tensor's bytes lie in a file beside the model. */
export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/** Sizes as numbers, checked: not negative, a product that stays exact. Throws TENSOR_INVALID. */
export function shapeOf(tensor: TensorProto, path?: string): number[] {
  if (tensor.dims.length > MAX_RANK)
    throw invalid(tensor, `has ${tensor.dims.length} dimensions, more than ${MAX_RANK}`, path);
  let elements = 1;
  return tensor.dims.map((dim) => {
    const size = Number(dim);
    elements *= size;
    if (size < 0 || elements > MAX_ELEMENTS)
      throw invalid(tensor, `has the impossible shape [${tensor.dims.join(", ")}]`, path);
    return size;
  });
}

/** The bytes a tensor must have, from its type and shape; undefined for types of no fixed size. */
export function expectedBytes(tensor: TensorProto, path?: string): number | undefined {
  const bits = tensor.dataType === DataType.STRING ? undefined : bitsOf(tensor.dataType);
  if (bits === undefined) return undefined;
  const elements = shapeOf(tensor, path).reduce((product, size) => product * size, 1);
  return Math.ceil((elements * bits) / 8);
}

function bitsOf(dataType: number): number | undefined {
  const dtype = dtypeOf(dataType);
  if (dtype) return bitsPerElement(dtype);
  const name = dataTypeName(dataType);
  if (name === "INT2" || name === "UINT2") return 2;
  return name === "COMPLEX128" ? 128 : undefined;
}

/** The field of TensorProto that holds values of a type when they are not in raw_data. */
function typedValues(tensor: TensorProto, dtype: DType): readonly (number | bigint)[] {
  // Of a complex number the real part, then the imaginary one.
  if (dtype === "float32" || dtype === "complex64") return tensor.floatData;
  if (dtype === "float64") return tensor.doubleData;
  if (dtype === "int64") return tensor.int64Data;
  return dtype === "uint64" || dtype === "uint32" ? tensor.uint64Data : tensor.int32Data;
}

/**
 * Shows a tensor as a typed array: a view of `raw` (its raw_data, or its bytes in another file) where the alignment
 * allows it. Throws TENSOR_INVALID when its parts disagree.
 */
export function decodeTensor(tensor: TensorProto, path?: string, raw: ByteRegion = tensor.rawData): Tensor {
  const dtype = dtypeOf(tensor.dataType);
  if (!dtype)
    throw invalid(
      tensor,
      `has element type ${dataTypeName(tensor.dataType)}, which cannot be shown as an array`,
      path,
    );
  const shape = shapeOf(tensor, path);
  const expected = expectedBytes(tensor, path)!;
  const values = typedValues(tensor, dtype);
  if (raw.byteLength > 0 || values.length === 0) {
    if (values.length > 0) throw invalid(tensor, "has both raw_data and typed data", path);
    if (raw.byteLength !== expected)
      throw invalid(tensor, `has ${raw.byteLength} bytes, but its shape and type need ${expected}`, path);
    return { dtype, shape, data: viewAs(dtype, raw) };
  }
  const data = viewAs(dtype, new Uint8Array(expected));
  if (values.length !== data.length)
    throw invalid(tensor, `has ${values.length} values, but its shape needs ${data.length}`, path);
  if (dtype === "uint32") for (let i = 0; i < data.length; i++) data[i] = Number(values[i]);
  else for (let i = 0; i < data.length; i++) data[i] = values[i] as never;
  return { dtype, shape, data };
}

/** A TensorProto with raw_data that views `data`. */
export function encodeTensor(
  name: string,
  dtype: DType,
  shape: readonly number[],
  data: TypedArray,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: dataTypeOf(dtype),
    dims: shape.map(BigInt),
    rawData: bytesOf(data),
  });
}

export function invalid(tensor: TensorProto, message: string, path: string | undefined): ModelFormatError {
  return new ModelFormatError("TENSOR_INVALID", `the tensor ${message}`, {
    path,
    field: `tensor ${JSON.stringify(tensor.name)}`,
  });
}
