import { ModelOperationError } from "../errors.js";
import type { ModelProto, NodeProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";
import { nameOf } from "./select-nodes.js";

/** The names of all nodes of a model, subgraphs included. */
export function nodeNames(model: ModelProto): Set<string> {
  return new Set([...graphsOf(model)].flatMap(({ node }) => node.map(nameOf)));
}

/** Why a node is to be left in float; undefined where it is not. */
export type SparedReason = (node: NodeProto) => string | undefined;

/**
 * Tells which nodes the user wants left alone. A node that the preparation merged with its neighbour goes on under a
 * name that begins with its own; one that it folded away needs no sparing.
 *
 * @param original names of the nodes before the model was prepared
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name that the model never had: a typing error must not quietly
 *   quantize what was to be spared
 */
export function excludeNodes(
  model: ModelProto,
  exclude: readonly string[],
  original: ReadonlySet<string>,
): SparedReason {
  const names = nodeNames(model);
  const spared = new Set<string>();
  for (const name of exclude) {
    if (!names.has(name) && !original.has(name))
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `exclude: the model has no node named ${JSON.stringify(name)}; modelpress inspect --nodes lists them`,
      );
    const merged = [...names].filter((each) => each.startsWith(`${name}/`));
    for (const each of names.has(name) ? [name] : merged) spared.add(each);
  }
  return (node) => (spared.has(nameOf(node)) ? "excluded by name" : undefined);
}
