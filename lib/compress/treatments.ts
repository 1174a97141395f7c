import { integerForm } from "../graph/integer-form.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { Anchor } from "./anchors.js";
import type { NodeTreatment, QuantizeSettings } from "./options.js";
import { isWide } from "./quantize-domain.js";
import { nameOf, type Selection } from "./select-nodes.js";

/** What static quantization did with each node, and why. */
export function staticTreatments(
  selection: Selection,
  { merged }: ActivationPlan,
  settings: QuantizeSettings,
): NodeTreatment[] {
  const anchors = [...selection.anchors.keys()].map((node) => {
    if (isWide(settings.activations))
      return treated(node, "int8", "weights int8; onnxruntime has no integer kernel for 16-bit activations");
    if (!integerForm(node))
      return treated(node, "int8", "weights int8; onnxruntime has no integer kernel of it");
    return treated(node, "int8", "onnxruntime computes it in integers");
  });
  const bridges = [...selection.bridges].map((node) =>
    treated(
      node,
      "int8",
      integerForm(node)
        ? "what it reads and what reads it are integers, and so is what it computes"
        : "as asked; onnxruntime computes it in float all the same",
    ),
  );
  const clamps = merged.map(({ clamp }) =>
    treated(clamp, "merged", `the quantized range of ${clamp.output[0]} ends where it cuts`),
  );
  return [...anchors, ...bridges, ...clamps, ...selection.refused];
}

/** The same for dynamic quantization. */
export function dynamicTreatments(
  selection: Selection,
  dynamic: ReadonlySet<Anchor>,
  attentions: readonly NodeProto[],
  lstms: readonly NodeProto[],
): NodeTreatment[] {
  const anchors = [...selection.anchors.values()].map((anchor) => {
    if (dynamic.has(anchor))
      return treated(
        anchor.node,
        "int8",
        "onnxruntime computes it in integers; its input is quantized at run time",
      );
    return treated(
      anchor.node,
      "float",
      anchor.weight
        ? "onnxruntime has no dynamic form of it"
        : "multiplies two activations: there is no weight to store in int8",
    );
  });
  const attended = attentions.map((node) =>
    treated(node, "int8", "onnxruntime computes it in integers; its input is quantized at run time"),
  );
  const recurrent = lstms.map((node) =>
    treated(node, "int8", "onnxruntime computes it in integers; its input is quantized in every step"),
  );
  return [...anchors, ...attended, ...recurrent, ...selection.refused];
}

/** Adds that the weights of these nodes are stored in int8 to what was said of them before. */
export function withStoredWeights(
  treatments: readonly NodeTreatment[],
  stored: Iterable<NodeProto>,
): NodeTreatment[] {
  const before = new Map(treatments.map((treatment) => [treatment.name, treatment.reason]));
  const nodes = [...stored].map((node) => {
    const how =
      node.opType === "Gather"
        ? "rows stored in int8, brought back when looked up"
        : "weight stored in int8, arithmetic in float";
    const why = before.get(nameOf(node));
    return treated(node, "weights int8", why === undefined ? how : `${how}: ${why}`);
  });
  const names = new Set(nodes.map(({ name }) => name));
  return [...treatments.filter(({ name }) => !names.has(name)), ...nodes];
}

function treated(node: Anchor["node"], treatment: NodeTreatment["treatment"], reason: string): NodeTreatment {
  return { name: nameOf(node), opType: node.opType, treatment, reason };
}
