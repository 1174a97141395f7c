import { TensorProto_DataType as DataType, type ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/** Operators that are taken away, or folded into the weights of a neighbour. */
const FOLDED: ReadonlySet<string> = new Set(["BatchNormalization", "Identity", "Dropout"]);

/**
 * Whether onnxruntime's basic optimisations would leave the weights of a model as they are: one graph in order, and no node
 * that computes with constants only. What is hard to tell (functions, subgraphs, weights in other types) counts as no.
 */
export function isFolded(model: ModelProto): boolean {
  const { graph, functions } = model;
  if (!graph || functions.length > 0 || graph.sparseInitializer.length > 0) return false;
  if ([...graphsOf(model)].length > 1) return false;
  const inputs = graph.input.map(({ name }) => name);
  // An empty name stands for an input that is left out.
  const constants = new Set(["", ...graph.initializer.map(({ name }) => name)]);
  if (inputs.some((name) => constants.has(name))) return false;
  if (graph.initializer.some(({ dataType }) => dataType === DataType.FLOAT16)) return false;
  const made = new Set([...constants, ...inputs]);
  for (const { opType, input, output } of graph.node) {
    const isConstant = opType === "Constant";
    if (!input.every((name) => made.has(name)) || FOLDED.has(opType)) return false;
    if (!isConstant && input.every((name) => constants.has(name))) return false;
    for (const name of output) {
      made.add(name);
      if (isConstant) constants.add(name);
    }
  }
  return true;
}
