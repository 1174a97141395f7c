/** Element types of ONNX tensors, by their numbers in the standard. */
const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6 } as const;

export interface Port {
  name: string;
  dtype: keyof typeof ELEMENT_TYPES;
  shape: readonly number[];
}

export interface OneNodeModel {
  op: string;
  inputs: readonly Port[];
  outputs: readonly Port[];
  /** Integer attributes. */
  attributes?: Readonly<Record<string, number>>;
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function field(number: number, value: number | string | readonly number[]): number[] {
  if (typeof value === "number") return [...varint(number * 8), ...varint(value)];
  const bytes = typeof value === "string" ? [...Buffer.from(value)] : value;
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
}

function valueInfo({ name, dtype, shape }: Port): number[] {
  const dimensions = shape.flatMap((size) => field(1, field(1, size)));
  const tensor = [...field(1, ELEMENT_TYPES[dtype]), ...field(2, dimensions)];
  return [...field(1, name), ...field(2, field(1, tensor))];
}

/** The bytes of an ONNX model (opset 13) whose graph is one node between its inputs and outputs. */
export function oneNodeModel({ op, inputs, outputs, attributes = {} }: OneNodeModel): Uint8Array {
  const INT = 2;
  const node = [
    ...inputs.flatMap(({ name }) => field(1, name)),
    ...outputs.flatMap(({ name }) => field(2, name)),
    ...field(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      field(5, [...field(1, name), ...field(3, value), ...field(20, INT)]),
    ),
  ];
  const graph = [
    ...field(1, node),
    ...field(2, "one_node"),
    ...inputs.flatMap((port) => field(11, valueInfo(port))),
    ...outputs.flatMap((port) => field(12, valueInfo(port))),
  ];
  const opset = [...field(1, ""), ...field(2, 13)];
  return Uint8Array.from([...field(1, 8), ...field(7, graph), ...field(8, opset)]);
}
