import type { FittedLayer } from "../../../calibrate/fit-statistics.js";
import type { Graph } from "../../../graph/graph.js";
import { intAttributeOf } from "../../../graph/graph.js";
import { layerDepths } from "../../../graph/layer-depths.js";
import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { type Anchor, anchorOf, isAnchorOp } from "../../anchors.js";
import { layerInputOf } from "../../layer-input.js";
import { layerOutputOf } from "../../layer-output.js";
import { biasUse } from "../../repair/add-to-bias.js";
import type { Weight } from "../weight.js";
import { normBehind } from "./norm-behind.js";

/** A layer whose weight is pruned, and can be fitted to what calibration sees of its inputs and outputs. */
export interface RepairableLayer extends Omit<FittedLayer, "products"> {
  readonly weight: Weight;
  readonly anchor: Anchor;
  /** Parts of input and output that have nothing to do with each other. */
  readonly groups: number;
  /** The BatchNormalization that reads what the layer makes, and nothing else does. */
  readonly norm: NodeProto | undefined;
  /** Whether the mean of its outputs can be changed: by its bias, or by a BatchNormalization behind it. */
  readonly canShift: boolean;
  /** How many layers its input has passed at most, and itself. */
  readonly depth: number;
}

/** The layers of a graph that read one of the weights alone and in a simple way, in the order of the weights. */
export function repairableLayers(graph: Graph, weights: readonly Weight[]): RepairableLayer[] {
  const found = weights.flatMap((weight) => layerOf(graph, weight) ?? []);
  const depths = layerDepths(graph, new Set(found.map(({ anchor }) => anchor.node)));
  return found.map((layer) => ({ ...layer, depth: depths.get(layer.anchor.node)! }));
}

function layerOf(graph: Graph, weight: Weight): Omit<RepairableLayer, "depth"> | undefined {
  const [use, ...others] = graph.consumers(weight.name);
  if (!use || others.length > 0 || !graph.isInternal(weight.name) || weight.store) return undefined;
  const anchor = isAnchorOp(use.node) ? anchorOf(graph, use.node) : undefined;
  if (anchor === undefined || typeof anchor === "string" || anchor.weight !== weight.name) return undefined;
  const input = layerInputOf(graph, anchor);
  if (!input) return undefined;
  const groups = anchor.node.opType === "Conv" ? intAttributeOf(anchor.node, "group", 1) : 1;
  const outputs = weight.count / input.columns / groups;
  const adds = biasUse(graph, anchor)?.node;
  const made = (adds ?? anchor.node).output[0]!;
  const norm = normBehind(graph, made);
  return {
    weight,
    anchor,
    input,
    target: layerOutputOf(anchor, made, outputs, weight.shape.length - 2, groups),
    groups,
    norm,
    canShift: adds !== undefined || norm !== undefined,
  };
}
