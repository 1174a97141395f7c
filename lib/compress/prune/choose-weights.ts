import { dataTypeName, dtypeOf } from "../../onnx/data-type.js";
import { floatsOf } from "../../onnx/floats-of.js";
import type { OnnxModel } from "../../onnx/read.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { elementCount } from "../../tensor.js";
import { nameOf } from "../select-nodes.js";
import { nameChoice } from "./name-choice.js";
import type { DenseTensor, PruneSettings } from "./options.js";
import { isQuantized, quantizedValues } from "./quantized-values.js";
import { storedFloats } from "./stored-floats.js";
import { type Reader, type StoredTensor, StoredTensors } from "./stored-tensors.js";
import type { Weight } from "./weight.js";
import { isLookup, weightInputs } from "./weight-inputs.js";

/** A weight of a graph, and where it lies there. */
export interface GraphWeight extends Weight {
  readonly stored: StoredTensor;
}

export interface ChosenWeights {
  readonly weights: readonly GraphWeight[];
  readonly dense: readonly DenseTensor[];
}

/**
 * Finds the weights of a model that can be pruned: constants by which Conv, ConvTranspose, Gemm, MatMul and recurrent layers
 * multiply, in subgraphs too. Everything else made of floats is listed with the reason why it stays as it is.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name or pattern that no weight or node of the model has
 */
export function chooseWeights(model: OnnxModel, settings: PruneSettings): ChosenWeights {
  const constants = new StoredTensors(model.proto);
  const weights: GraphWeight[] = [];
  const dense: DenseTensor[] = [];
  const known = constants.all().flatMap(({ name }) => {
    const readers = constants.readers(name) ?? [];
    return [name, ...readers.map(({ node }) => nameOf(node))];
  });
  const chosen = nameChoice(new Set(known), settings);
  for (const stored of constants.all()) {
    const shape = shapeOf(stored.tensor, model.path);
    const values = elementCount(shape);
    if (values < 2 || !(isFloat(stored) || (isQuantized(stored) && values >= settings.minSize))) continue;
    const found = weightOf(model, constants, stored, shape, settings);
    const reason = typeof found === "string" ? found : chosen(found);
    if (typeof found === "string" || reason !== undefined)
      dense.push({ name: stored.name, values, reason: reason! });
    else weights.push(found);
  }
  return { weights, dense };
}

function isFloat({ tensor }: StoredTensor): boolean {
  return /^(float|bfloat)/.test(dtypeOf(tensor.dataType) ?? "");
}

/** A weight, or why a tensor is none that can be pruned. */
function weightOf(
  model: OnnxModel,
  constants: StoredTensors,
  stored: StoredTensor,
  shape: readonly number[],
  { embeddings, minSize }: PruneSettings,
): GraphWeight | string {
  const readers = constants.readers(stored.name);
  if (readers === undefined) return "an output of a graph";
  if (readers.length === 0) return "nothing reads it";
  const inputAxes = new Set<number | undefined>();
  for (const reader of readers) {
    const rank = (index: number): number => (index === reader.index ? shape.length : 0);
    const input = weightInputs(reader.node, rank).find(({ index }) => index === reader.index);
    if (input === undefined && !(embeddings && isLookup(reader))) return whyNone(stored, reader);
    const axis = input?.inputAxis;
    inputAxes.add(axis === undefined ? undefined : (reader.axes?.[axis] ?? axis));
  }
  const count = elementCount(shape);
  if (count < minSize) return `has ${count} values, fewer than ${minSize}`;
  const { tensor } = stored;
  const values = isQuantized(stored)
    ? quantizedValues(model, constants, stored)
    : storedFloats(dtypeOf(tensor.dataType), (scratch) =>
        scratch ? floatsOf(model, tensor, scratch) : model.tensor(tensor).data,
      );
  if (values === undefined)
    return isQuantized(stored)
      ? "not all that read its integers do so by one known scale"
      : `its elements are ${dataTypeName(tensor.dataType)}`;
  const nodes = readers.map(({ node }) => ({ name: nameOf(node), opType: node.opType }));
  const inputAxis = inputAxes.size === 1 ? [...inputAxes][0] : undefined;
  const dtype = dtypeOf(tensor.dataType)!;
  return { name: stored.name, dtype, shape, count, nodes, inputAxis, stored, ...values };
}

/** Inputs that are added to what an operator multiplies. */
const BIASES: Readonly<Record<string, number>> = {
  Conv: 2,
  ConvTranspose: 2,
  Gemm: 2,
  LSTM: 3,
  GRU: 3,
  RNN: 3,
};

function whyNone(stored: StoredTensor, reader: Reader): string {
  const { node, index } = reader;
  if (isQuantized(stored))
    return `integers of ${node.opType}: a float model is pruned first, and then quantized`;
  if (BIASES[node.opType] === index) return `bias of ${node.opType}`;
  if (node.opType === "QuantizeLinear" || node.opType === "DequantizeLinear") return "a scale or zero point";
  if (isLookup(reader)) return `table of embeddings that ${nameOf(node)} looks up`;
  return `no weight of a product: ${node.opType} reads it`;
}
