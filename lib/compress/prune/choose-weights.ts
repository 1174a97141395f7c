import { ModelOperationError } from "../../errors.js";
import { dataTypeName, dtypeOf } from "../../onnx/data-type.js";
import type { OnnxModel } from "../../onnx/read.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { elementCount } from "../../tensor.js";
import { nameMatcher } from "../name-pattern.js";
import { nameOf } from "../select-nodes.js";
import type { DenseTensor, PruneSettings } from "./options.js";
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
  const chosen = nameChoice(constants, settings);
  for (const stored of constants.all()) {
    const shape = shapeOf(stored.tensor, model.path);
    const values = elementCount(shape);
    if (values < 2 || !isFloat(stored)) continue;
    const found = weightOf(model, stored, shape, constants.readers(stored.name), settings);
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
  stored: StoredTensor,
  shape: readonly number[],
  readers: readonly Reader[] | undefined,
  { embeddings, minSize }: PruneSettings,
): GraphWeight | string {
  if (readers === undefined) return "an output of a graph";
  if (readers.length === 0) return "nothing reads it";
  const inputAxes = new Set<number | undefined>();
  for (const reader of readers) {
    const rank = (index: number): number => (index === reader.index ? shape.length : 0);
    const input = weightInputs(reader.node, rank).find(({ index }) => index === reader.index);
    if (input === undefined && !(embeddings && isLookup(reader))) return whyNone(reader);
    const axis = input?.inputAxis;
    inputAxes.add(axis === undefined ? undefined : (reader.axes?.[axis] ?? axis));
  }
  const values = elementCount(shape);
  if (values < minSize) return `has ${values} values, fewer than ${minSize}`;
  const floats = storedFloats(model, stored.tensor);
  if (floats === undefined) return `its elements are ${dataTypeName(stored.tensor.dataType)}`;
  const nodes = readers.map(({ node }) => ({ name: nameOf(node), opType: node.opType }));
  const inputAxis = inputAxes.size === 1 ? [...inputAxes][0] : undefined;
  return { name: stored.name, shape, nodes, inputAxis, stored, ...floats };
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

function whyNone(reader: Reader): string {
  const { node, index } = reader;
  if (BIASES[node.opType] === index) return `bias of ${node.opType}`;
  if (isLookup(reader)) return `table of embeddings that ${nameOf(node)} looks up`;
  return `no weight of a product: ${node.opType} reads it`;
}

/** Why the user does not want a weight pruned; undefined where there is nothing against it. */
function nameChoice(
  constants: StoredTensors,
  { include, exclude, overrides }: PruneSettings,
): (weight: GraphWeight) => string | undefined {
  const known = new Set(
    constants
      .all()
      .flatMap(({ name }) => [name, ...(constants.readers(name) ?? []).map(({ node }) => nameOf(node))]),
  );
  const matchers = (option: string, patterns: Iterable<string>) =>
    [...patterns].map((pattern) => {
      const matches = nameMatcher(pattern, known.has(pattern));
      if (![...known].some(matches))
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${option}: the model has no weight and no node with one named ${JSON.stringify(pattern)}; modelpress inspect --nodes lists them`,
        );
      return matches;
    });
  const included = include && matchers("include", include);
  const excluded = matchers("exclude", exclude);
  matchers("overrides", overrides.keys());
  const kept = matchers(
    "overrides",
    [...overrides].filter(([, override]) => override === "dense").map(([name]) => name),
  );
  return (weight) => {
    const names = [weight.name, ...weight.nodes.map(({ name }) => name)];
    const isOneOf = (matches: readonly ((name: string) => boolean)[]): boolean =>
      matches.some((each) => names.some(each));
    if (isOneOf(excluded)) return "excluded by name";
    if (included && !isOneOf(included)) return "not among those to include";
    return isOneOf(kept) ? "dense, as overrides say" : undefined;
  };
}
