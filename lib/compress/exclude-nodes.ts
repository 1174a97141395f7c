import { ModelOperationError } from "../errors.js";
import type { ModelProto, NodeProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";
import { nameMatcher } from "./name-pattern.js";
import type { QuantizeOptions } from "./options.js";
import { nameOf } from "./select-nodes.js";

/** Which nodes the user wants quantized. Names may be patterns: * stands for any characters, ? for one. */
export interface NodeChoice {
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  opTypes?: readonly string[] | undefined;
  excludeOpTypes?: readonly string[] | undefined;
  overrides?: QuantizeOptions["overrides"];
}

/** Operator type by name of all nodes of a model, subgraphs included. */
export type NodeIndex = ReadonlyMap<string, string>;

export function indexNodes(model: ModelProto): NodeIndex {
  const nodes = [...graphsOf(model)].flatMap(({ node }) => node);
  return new Map(nodes.map((node) => [nameOf(node), node.opType]));
}

/** Why a node is to be left in float; undefined where it is not. */
export type SparedReason = (node: NodeProto) => string | undefined;

/**
 * Tells which nodes the user wants left alone. A node that the preparation merged with its neighbour goes on under a
 * name that begins with its own; one that it folded away needs no sparing.
 *
 * @param original nodes of the model before it was prepared
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name, pattern or operator type that the model never had: a typing
 *   error must not quietly quantize what was to be spared
 */
export function excludeNodes(
  model: ModelProto,
  { include, exclude = [], opTypes, excludeOpTypes = [], overrides = {} }: NodeChoice,
  original: NodeIndex,
): SparedReason {
  const now = indexNodes(model);
  const types = new Set([...now.values(), ...original.values()]);
  const excluded = matching("exclude", exclude, now, original);
  const included = include && matching("include", include, now, original);
  for (const [option, wanted] of Object.entries({ opTypes: opTypes ?? [], excludeOpTypes }))
    for (const type of wanted)
      if (!types.has(type))
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${option}: the model has no node of type ${JSON.stringify(type)}; modelpress inspect lists its operators`,
        );
  const floats = floatTensors(model, overrides);
  const chosenTypes = opTypes && new Set(opTypes);
  const excludedTypes = new Set(excludeOpTypes);
  return (node) => {
    const name = nameOf(node);
    const float = [...node.input, ...node.output].find((tensor) => floats.has(tensor));
    if (float !== undefined) return `${float} is to stay in float`;
    if (excluded.has(name)) return "excluded by name";
    // The preparation makes a Gemm of MatMul and Add.
    const type = original.get(name) ?? typeBefore(name, original) ?? node.opType;
    if (excludedTypes.has(node.opType) || excludedTypes.has(type)) return "excluded by operator type";
    if (included && !included.has(name)) return "not among the nodes to include";
    if (chosenTypes && !chosenTypes.has(node.opType) && !chosenTypes.has(type))
      return "not among the operator types asked for";
    return undefined;
  };
}

/** The tensors that are to stay in float. */
function floatTensors(
  model: ModelProto,
  overrides: NonNullable<QuantizeOptions["overrides"]>,
): ReadonlySet<string> {
  const tensors = new Set(
    [...graphsOf(model)].flatMap(({ input, initializer, node }) => [
      ...[...input, ...initializer].map(({ name }) => name),
      ...node.flatMap(({ output }) => output),
    ]),
  );
  for (const name of Object.keys(overrides))
    if (!tensors.has(name))
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `overrides: the model has no tensor named ${JSON.stringify(name)} when its graph has been optimised; prepare: false leaves it as it is`,
      );
  return new Set(Object.keys(overrides).filter((name) => overrides[name] === "float"));
}

/** The type of the node that one with this name was made of. */
function typeBefore(name: string, original: NodeIndex): string | undefined {
  for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1)) {
    const type = original.get(name.slice(0, end));
    if (type !== undefined) return type;
  }
  return undefined;
}

/** The names that nodes have now, of those that the user named or described. */
function matching(
  option: string,
  patterns: readonly string[],
  now: NodeIndex,
  original: NodeIndex,
): Set<string> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const matches = nameMatcher(pattern, now.has(pattern) || original.has(pattern));
    const names = [...now.keys()].filter(matches);
    const before = [...original.keys()].filter((name) => matches(name) && !now.has(name));
    if (names.length + before.length === 0)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${option}: the model has no node named ${JSON.stringify(pattern)}; modelpress inspect --nodes lists them`,
      );
    const merged = [...now.keys()].filter((each) => before.some((name) => each.startsWith(`${name}/`)));
    for (const name of [...names, ...merged]) found.add(name);
  }
  return found;
}
