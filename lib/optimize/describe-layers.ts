import { Graph } from "../graph/graph.js";
import { histogram } from "../histogram/histogram.js";
import { summarize } from "../minmax/summarize.js";
import type { NodeProto, TensorProto } from "../onnx/proto/onnx_pb.js";
import { readOnnx } from "../onnx/read.js";
import { expectedBytes } from "../onnx/tensor-proto.js";
import type { LayerComparison } from "../runtime/compare-layers.js";
import type { ReportLayer } from "./report.js";
import type { TrialRecord } from "./trial.js";
import { outputAxis, zeroMap } from "./zero-map.js";

const BINS = 48;
/** From a stored weight to the node that multiplies by it lie a conversion or two. */
const DEPTH = 3;
const QUANTIZED = "_quantized";
/** Weights below this stay in float where only weights are quantized. */
const SMALL_BYTES = 1024;

/** What became of each node of the original model that has weights, or that a trial tells something of, in the order of the graph. */
export function describeLayers(
  original: string,
  result: string,
  { nodes, ranges }: Pick<TrialRecord, "nodes" | "ranges">,
  errors: LayerComparison | undefined,
): ReportLayer[] {
  const before = readOnnx(original);
  const after = readOnnx(result);
  try {
    const treatments = new Map(nodes.map((node) => [node.name, node]));
    const nodeErrors = new Map(errors?.nodes.map(({ name, sqnrDb }) => [name, sqnrDb]));
    const weightErrors = new Map(errors?.weights.map(({ name, sqnrDb }) => [name, sqnrDb]));
    const first = new Graph(before);
    const second = new Graph(after);
    const changed = new Map(second.allNodes().map((node) => [node.name, node]));
    return first.allNodes().flatMap((node) => {
      const treatment = treatments.get(node.name);
      const weight = weightOf(first, node);
      if (treatment === undefined && weight === undefined) return [];
      const left = changed.get(node.name);
      const sqnrDb = nodeErrors.get(node.name);
      const weightSqnrDb = weight === undefined ? undefined : weightErrors.get(weight);
      return [
        {
          name: node.name,
          opType: node.opType,
          treatment: treatment?.treatment ?? "float",
          reason: [
            ...channelsLeft(first, second, node, weight),
            treatment?.reason ?? whyUntouched(first, weight),
          ].join("; "),
          bytes: {
            before: storedBytes(first, node),
            after: left ? storedBytes(second, left) : 0,
          },
          ...(sqnrDb !== undefined && { sqnrDb: finite(sqnrDb) }),
          ...(weightSqnrDb !== undefined && { weightSqnrDb: finite(weightSqnrDb) }),
          ...weightFigures(first, second, node, weight),
          ...rangesOf(node, ranges),
        },
      ];
    });
  } finally {
    before.close();
    after.close();
  }
}

/** How many channels were taken out. */
function channelsLeft(before: Graph, after: Graph, node: NodeProto, weight: string | undefined): string[] {
  if (weight === undefined) return [];
  const was = before.initializer(weight)!.dims;
  const is = storedAs(after, weight)?.dims;
  if (is === undefined || is.length !== was.length) return [];
  const axis = outputAxis(node, weight, was.length);
  const counts = was.map((size, i) => (is[i]! < size ? `${is[i]} of ${size}` : undefined));
  const [made] = counts.splice(axis, 1);
  const read = counts.find((count) => count !== undefined);
  return [
    ...(made === undefined ? [] : [`makes ${made} channels, the others did least for the outputs`]),
    ...(read === undefined ? [] : [`reads ${read} channels`]),
  ];
}

/** Why quantizing says nothing of a node. */
function whyUntouched(graph: Graph, weight: string | undefined): string {
  const size = weight === undefined ? undefined : expectedBytes(graph.initializer(weight)!);
  return size !== undefined && size < SMALL_BYTES
    ? `its weight of ${size} bytes is so small that bringing it back from int8 would cost more than is saved`
    : "none of the operators that quantizing changes";
}

/** The weight in the model that was made of the other. */
function storedAs(graph: Graph, weight: string): TensorProto | undefined {
  return graph.initializer(`${weight}${QUANTIZED}`) ?? graph.initializer(weight);
}

/** JSON has no infinity. */
function finite(decibels: number): number | null {
  return Number.isFinite(decibels) ? decibels : null;
}

/** The largest stored input of floats. */
function weightOf(graph: Graph, node: NodeProto): string | undefined {
  const stored = node.input.filter((name) => graph.initializer(name));
  const bytes = (name: string) => expectedBytes(graph.initializer(name)!) ?? 0;
  const [largest] = stored.sort((a, b) => bytes(b) - bytes(a));
  return largest;
}

/** Bytes of what the node reads from the file, also through conversions that only it uses. */
function storedBytes(graph: Graph, node: NodeProto): number {
  const seen = new Set<string>();
  const visit = (tensor: string, depth: number): number => {
    if (seen.has(tensor)) return 0;
    seen.add(tensor);
    const stored = graph.initializer(tensor);
    if (stored) return expectedBytes(stored) ?? 0;
    const maker = graph.producer(tensor);
    if (depth === 0 || !maker || !isConversion(graph, maker)) return 0;
    return maker.input.reduce((sum, input) => sum + visit(input, depth - 1), 0);
  };
  return node.input.reduce((sum, input) => sum + visit(input, DEPTH), 0);
}

/** A node all of whose inputs come from the file in the end. */
function isConversion(graph: Graph, { opType, input }: NodeProto): boolean {
  return (
    ["DequantizeLinear", "Cast", "Mul", "Transpose", "Reshape"].includes(opType) &&
    input.every((name) => {
      const maker = graph.producer(name);
      return maker === undefined || isConversion(graph, maker);
    })
  );
}

function weightFigures(
  before: Graph,
  after: Graph,
  node: NodeProto,
  weight: string | undefined,
): Pick<ReportLayer, "weights" | "sparsity" | "zeros"> {
  const stored = weight === undefined ? undefined : before.initializer(weight);
  if (weight === undefined || stored === undefined) return {};
  const { dtype, data } = before.model.tensor(stored);
  if (dtype !== "float32" || data.length === 0) return {};
  const values = data as Float32Array;
  const { min, max } = summarize(values);
  const hasRange = Number.isFinite(max - min);
  return {
    ...(hasRange && {
      weights: {
        min,
        max,
        counts: [...histogram(values, { min, max, bins: BINS })],
        ...gridOf(after, weight),
      },
    }),
    ...zerosOf(after, node, weight),
  };
}

/** The scale of a weight that has one, or the least and the largest of its channels. */
function gridOf(graph: Graph, weight: string): Pick<NonNullable<ReportLayer["weights"]>, "step" | "steps"> {
  const stored = scaleOf(graph, weight);
  if (!stored) return {};
  const { dtype, data } = graph.model.tensor(stored);
  if (dtype !== "float32" || data.length === 0) return {};
  const { min, max } = summarize(data as Float32Array);
  return data.length === 1 ? { step: max } : { steps: [min, max] };
}

/** Beside the weight's name, or where a Mul brings it back to floats, after a Cast and perhaps a Sub. */
function scaleOf(graph: Graph, weight: string): TensorProto | undefined {
  const named = graph.initializer(`${weight}_scale`);
  if (named) return named;
  let tensor = `${weight}${QUANTIZED}`;
  for (let depth = 0; depth < DEPTH; depth++) {
    const reader = graph.consumers(tensor)[0]?.node;
    if (reader?.opType === "Mul")
      return reader.input.map((name) => graph.initializer(name)).find((found) => found !== undefined);
    if (reader?.opType !== "Cast" && reader?.opType !== "Sub") return undefined;
    tensor = reader.output[0]!;
  }
  return undefined;
}

/** Where the weight as it is now is zero. Zeros of uint8 and of packed types are not 0 in the file. */
function zerosOf(graph: Graph, node: NodeProto, weight: string): Pick<ReportLayer, "sparsity" | "zeros"> {
  const stored = storedAs(graph, weight);
  if (!stored) return {};
  const { dtype, shape, data } = graph.model.tensor(stored);
  if ((dtype !== "float32" && dtype !== "int8") || data.length === 0) return {};
  const { zeros } = summarize(data);
  const axis = outputAxis(node, weight, shape.length);
  return { sparsity: zeros / data.length, ...(zeros > 0 && { zeros: zeroMap({ data, shape }, axis) }) };
}

/** What the node reads and makes, as calibration saw it. */
function rangesOf(node: NodeProto, ranges: TrialRecord["ranges"]): Pick<ReportLayer, "ranges"> {
  const found = [...node.input, ...node.output].flatMap((tensor) => {
    const range = ranges[tensor];
    return range ? [{ tensor, ...range, sqnrDb: finite(range.sqnrDb) }] : [];
  });
  return found.length > 0 ? { ranges: found } : {};
}
