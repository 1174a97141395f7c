import { Graph } from "../../graph/graph.js";
import { TensorProto_DataType } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { expectedBytes } from "../../onnx/tensor-proto.js";
import { tensorsOf } from "../../onnx/walk.js";
import { type ElementTypes, elementTypes } from "./element-types.js";

/** What folding may add before the model is better left as it was. */
const GROWTH = 1.05;

/**
 * Chooses between a prepared model and the original and closes the other: onnxruntime folds what two branches share into each of
 * them. The original must tell its element types by itself then. One that holds float16 already stays as it is, for onnxruntime
 * puts casts around its nodes whose names it gives again when it loads the result.
 */
export function smallerOf(prepared: OnnxModel, original: OnnxModel): OnnxModel {
  const grown = storedBytes(prepared) > GROWTH * storedBytes(original) && knowsTypes(original);
  const [chosen, other] = grown || holdsHalves(original) ? [original, prepared] : [prepared, original];
  other.close();
  return chosen;
}

function holdsHalves({ proto }: OnnxModel): boolean {
  return [...tensorsOf(proto)].some(({ dataType }) => dataType === TensorProto_DataType.FLOAT16);
}

function storedBytes({ proto, path }: OnnxModel): number {
  return [...tensorsOf(proto)].reduce((sum, tensor) => sum + (expectedBytes(tensor, path) ?? 0), 0);
}

function knowsTypes(model: OnnxModel): boolean {
  const knows = (graph: Graph, outer: ElementTypes | undefined): boolean => {
    const types = elementTypes(graph, outer);
    return graph.allNodes().every(({ input, output, attribute }) => {
      const typed = [...input, ...output].every((tensor) => tensor === "" || types(tensor) !== undefined);
      const inner = attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));
      return typed && inner.every((proto) => knows(new Graph(model, proto), types));
    });
  };
  return knows(new Graph(model), undefined);
}
