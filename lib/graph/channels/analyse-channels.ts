import type { NodeProto, ValueInfoProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import type { Graph } from "../graph.js";
import { Axes, type Size } from "./axes.js";
import { RULES } from "./rules/index.js";
import { evaluateSizes } from "./size-values.js";

/**
 * Follows channels through a graph: which elements of which axes hold the same channels, and which must stay because they
 * are seen from outside or because an operator does with them what is not understood. Constants must be initializers
 * (`liftConstants`), nodes in order.
 */
export function analyseChannels(graph: Graph): Axes {
  let axes = followChannels(graph);
  for (let next = axes.otherCarriers(); next; next = axes.otherCarriers()) axes = followChannels(graph, next);
  return axes;
}

function followChannels(graph: Graph, carriers?: ReadonlyMap<string, number>): Axes {
  const axes = new Axes(graph, carriers);
  const { proto } = graph;
  const declared = new Map(
    [...proto.valueInfo, ...proto.output].map((value) => [value.name, declaredShape(value, axes)]),
  );
  for (const value of proto.input) {
    if (!graph.inputs.has(value.name)) continue;
    const shape = declaredShape(value, axes);
    if (!shape) continue;
    axes.setShape(value.name, shape);
    axes.lockAll(value.name, "it is an input of the model");
  }
  for (const node of graph.allNodes()) relateNode(node, axes, declared);
  for (const name of graph.outputs) lockTensor(name, axes, "it is an output of the model");
  for (const name of graph.captured) lockTensor(name, axes, "a subgraph reads it");
  return axes;
}

function declaredShape({ type }: ValueInfoProto, axes: Axes): Size[] | undefined {
  if (type?.value.case !== "tensorType") return undefined;
  return type.value.value.shape?.dim.map(({ value }) => {
    if (value.case === "dimValue" && value.value >= 0n) return Number(value.value);
    return value.case === "dimParam" && value.value !== "" ? value.value : axes.unknown();
  });
}

function relateNode(
  node: NodeProto,
  axes: Axes,
  declared: ReadonlyMap<string, readonly Size[] | undefined>,
): void {
  const sizes = evaluateSizes(node, axes);
  if (sizes) {
    axes.setSizes(node.output[0]!, sizes);
    return;
  }
  const rule = isStandard(node) && !node.attribute.some(({ g }) => g) ? RULES.get(node.opType) : undefined;
  const label = `${node.opType} ${JSON.stringify(node.name || node.output[0])}`;
  for (const [index, input] of node.input.entries())
    if (!rule?.sizeInputs?.includes(index)) lockSources(input, axes, `${label} reads its size`);
  const problem = rule ? rule.relate(node, axes) : "what it does with channels is not known";
  for (const output of node.output) {
    const shape = declared.get(output);
    if (output !== "" && !axes.shape(output) && shape) axes.setShape(output, shape);
  }
  if (problem === undefined) return;
  for (const tensor of [...node.input, ...node.output]) lockTensor(tensor, axes, `${label}: ${problem}`);
}

function lockTensor(tensor: string, axes: Axes, reason: string): void {
  axes.lockAll(tensor, reason);
  lockSources(tensor, axes, reason);
}

function lockSources(tensor: string, axes: Axes, reason: string): void {
  for (const { sources } of axes.sizes(tensor)?.elements ?? [])
    for (const { tensor: source, axis } of sources) axes.lock(source, axis, reason);
}
