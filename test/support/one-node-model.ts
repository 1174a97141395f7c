/** Element types of ONNX tensors, by their numbers in the standard. */
const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  float16: 10,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
} as const;

/** What the types that onnxruntime-node has no arrays for travel as; the model casts them, which changes no value. */
const CARRIERS: Partial<Record<keyof typeof ELEMENT_TYPES, keyof typeof ELEMENT_TYPES>> = {
  bfloat16: "float32",
  uint4: "uint8",
  int4: "int8",
};

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
  /** The version of the operators; default 13. */
  opset?: number;
  /** Whose operator it is, in version 1; default ONNX's own. */
  domain?: string;
}

/** The type of a port's data outside the model. */
export function carrierOf({ dtype }: Port): keyof typeof ELEMENT_TYPES {
  return CARRIERS[dtype] ?? dtype;
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function field(number: number, value: number | string | readonly number[]): number[] {
  if (typeof value === "number") return [...varint(number * 8), ...varint(value)];
  const bytes = typeof value === "string" ? [...Buffer.from(value)] : value;
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
}

function valueInfo(port: Port): number[] {
  const dimensions = port.shape.flatMap((size) => field(1, field(1, size)));
  const tensor = [...field(1, ELEMENT_TYPES[carrierOf(port)]), ...field(2, dimensions)];
  return [...field(1, port.name), ...field(2, field(1, tensor))];
}

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>>,
  domain = "",
): number[] {
  const INT = 2;
  return [
    ...inputs.flatMap((name) => field(1, name)),
    ...outputs.flatMap((name) => field(2, name)),
    ...field(4, op),
    ...field(7, domain),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      field(5, [...field(1, name), ...field(3, value), ...field(20, INT)]),
    ),
  ];
}

/** The bytes of an ONNX model whose graph is one node between its inputs and outputs, and the casts from and to carriers. */
export function oneNodeModel({
  op,
  inputs,
  outputs,
  attributes = {},
  opset = 13,
  domain = "",
}: OneNodeModel): Uint8Array {
  const isCarried = ({ dtype }: Port) => dtype in CARRIERS;
  const inside = (port: Port) => (isCarried(port) ? `${port.name}_inside` : port.name);
  const nodes = [
    ...inputs
      .filter(isCarried)
      .map((port) => node("Cast", [port.name], [inside(port)], { to: ELEMENT_TYPES[port.dtype] })),
    node(op, inputs.map(inside), outputs.map(inside), attributes, domain),
    ...outputs
      .filter(isCarried)
      .map((port) => node("Cast", [inside(port)], [port.name], { to: ELEMENT_TYPES[carrierOf(port)] })),
  ];
  const graph = [
    ...nodes.flatMap((bytes) => field(1, bytes)),
    ...field(2, "one_node"),
    ...inputs.flatMap((port) => field(11, valueInfo(port))),
    ...outputs.flatMap((port) => field(12, valueInfo(port))),
  ];
  return Uint8Array.from([
    ...field(1, 10),
    ...field(7, graph),
    ...field(8, [...field(1, ""), ...field(2, opset)]),
    ...(domain ? field(8, [...field(1, domain), ...field(2, 1)]) : []),
  ]);
}
