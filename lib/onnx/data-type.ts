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
};

const DATA_TYPES = Object.fromEntries(
  Object.entries(DTYPES).map(([dataType, dtype]) => [dtype, Number(dataType)]),
) as Record<DType, DataType>;

/** The dtype of a TensorProto.DataType, or undefined for those no typed array can show (strings, complex, 8-bit floats). */
export function dtypeOf(dataType: number): DType | undefined {
  return DTYPES[dataType as DataType];
}

/** The TensorProto.DataType of a dtype. */
export function dataTypeOf(dtype: DType): DataType {
  return DATA_TYPES[dtype];
}

/** What the ONNX standard calls a data type: "FLOAT8E4M3FN"; the number itself where the standard has no name. */
export function dataTypeName(dataType: number): string {
  return DataType[dataType] ?? String(dataType);
}
