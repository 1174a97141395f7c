import { outOfRange } from "../errors.js";
import type { DType } from "../tensor.js";
import { TensorProto_DataType as DataType } from "./proto/onnx_pb.js";

const DTYPES: Partial<Record<DataType, DType>> = {
  [DataType.FLOAT]: "float32",
  [DataType.UINT8]: "uint8",
  [DataType.INT8]: "int8",
  [DataType.UINT16]: "uint16",
  [DataType.INT16]: "int16",
  [DataType.INT32]: "int32",
  [DataType.INT64]: "int64",
  [DataType.BOOL]: "bool",
  [DataType.FLOAT16]: "float16",
  [DataType.DOUBLE]: "float64",
  [DataType.UINT32]: "uint32",
  [DataType.UINT64]: "uint64",
  [DataType.BFLOAT16]: "bfloat16",
  [DataType.UINT4]: "uint4",
  [DataType.INT4]: "int4",
  [DataType.FLOAT8E4M3FN]: "float8e4m3fn",
  [DataType.FLOAT8E4M3FNUZ]: "float8e4m3fnuz",
  [DataType.FLOAT8E5M2]: "float8e5m2",
  [DataType.FLOAT8E5M2FNUZ]: "float8e5m2fnuz",
  [DataType.FLOAT8E8M0]: "float8e8m0",
  [DataType.FLOAT4E2M1]: "float4e2m1",
  [DataType.COMPLEX64]: "complex64",
};

const DATA_TYPES = Object.fromEntries(
  Object.entries(DTYPES).map(([dataType, dtype]) => [dtype, Number(dataType)]),
) as Partial<Record<DType, DataType>>;

/** The dtype of a TensorProto.DataType, or undefined for those we have no name for (strings, complex128, 2- and 6-bit). */
export function dtypeOf(dataType: number): DType | undefined {
  return DTYPES[dataType as DataType];
}

/** The TensorProto.DataType of a dtype. Throws a RangeError for those without one here: 6-bit floats. */
export function dataTypeOf(dtype: DType): DataType {
  const dataType = DATA_TYPES[dtype];
  if (dataType === undefined) throw outOfRange("a type that ONNX has", "dtype", dtype);
  return dataType;
}

/** What the ONNX standard calls a data type: "FLOAT8E4M3FN"; the number itself where the standard has no name. */
export function dataTypeName(dataType: number): string {
  return DataType[dataType] ?? String(dataType);
}
