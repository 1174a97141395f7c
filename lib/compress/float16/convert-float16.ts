import { Graph } from "../../graph/graph.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { NodeTreatment } from "../options.js";
import { convertGraph, type GraphConversionOptions } from "./convert-graph.js";
import type { ElementTypes } from "./element-types.js";

/**
 * Makes a model work in float16: weights, and all operators that have it, in subgraphs too. Inputs and outputs keep their type if
 * `keepIo`; those of subgraphs always do. Positions, sizes and angles are still computed in float32.
 *
 * @param warn told of values beyond the range of float16, when they are written
 * @returns what was done with every node that works on floats
 */
export function convertFloat16(
  graph: Graph,
  spared: SparedReason,
  keepIo: boolean,
  warn: (text: string) => void,
): NodeTreatment[] {
  const onClamp = (name: string, count: number) =>
    warn(`${count} values of ${name} lie beyond 65504, the largest of float16, and were cut to it`);
  const convert = (each: Graph, options: GraphConversionOptions): NodeTreatment[] => {
    const { nodes, types } = convertGraph(each, options);
    each.commit();
    return [...nodes, ...each.allNodes().flatMap((node) => inner(each, node.attribute, types))];
  };
  const inner = (
    { model }: Graph,
    attributes: Graph["proto"]["node"][number]["attribute"],
    outer: ElementTypes,
  ): NodeTreatment[] =>
    attributes
      .flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs))
      .flatMap((proto) => convert(new Graph(model, proto), { spared, keepIo: true, onClamp, outer }));
  return convert(graph, { spared, keepIo, onClamp });
}
