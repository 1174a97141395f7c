import type { ActivationPlan } from "./activation-plan.js";
import type { Anchor } from "./anchors.js";
import type { NodeTreatment } from "./options.js";
import { nameOf, type Selection } from "./select-nodes.js";

/** What static quantization did with each node, and why. */
export function staticTreatments(selection: Selection, { merged }: ActivationPlan): NodeTreatment[] {
  const anchors = [...selection.anchors.keys()].map((node) => treated(node, "int8", "integer kernel"));
  const bridges = [...selection.bridges].map((node) => treated(node, "int8", "lies between integer nodes"));
  const clamps = merged.map(({ clamp }) =>
    treated(clamp, "merged", `the quantized range of ${clamp.output[0]} ends where it cuts`),
  );
  return [...anchors, ...bridges, ...clamps, ...selection.refused];
}

/** The same for the modes without calibration. */
export function plainTreatments(
  selection: Selection,
  dynamic: ReadonlySet<Anchor>,
  stored: ReadonlySet<Anchor>,
): NodeTreatment[] {
  const anchors = [...selection.anchors.values()].map((anchor) => {
    const { node, weight } = anchor;
    if (dynamic.has(anchor))
      return treated(node, "int8", "integer kernel, its input is quantized at run time");
    if (stored.has(anchor))
      return treated(node, "weights int8", "weight stored in int8, arithmetic in float");
    return treated(node, "float", weight ? "has no dynamic form" : "multiplies two activations");
  });
  return [...anchors, ...selection.refused];
}

function treated(node: Anchor["node"], treatment: NodeTreatment["treatment"], reason: string): NodeTreatment {
  return { name: nameOf(node), opType: node.opType, treatment, reason };
}
