import type { ObservedRange } from "../calibrate/observer.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { QuantizeSettings, TensorOverride } from "./options.js";
import { isWide } from "./quantize-domain.js";
import type { Selection } from "./select-nodes.js";

/** Below this a step of the range swallows much of the ordinary values. Trained models keep 30 dB and more nearly everywhere. */
const LEAST_DB = 15;

/** The anchors with an activation that 8 bits would ruin, and why, in plain words. */
export function fragileNodes(
  selection: Selection,
  { activations }: ActivationPlan,
  ranges: Readonly<Record<string, ObservedRange>>,
  { activations: defaultType, overrides }: QuantizeSettings,
): Map<NodeProto, string> {
  const fragile = new Map<NodeProto, string>();
  for (const anchor of selection.anchors.values()) {
    const inputs = anchor.activations.map((index) => anchor.node.input[index]!);
    for (const tensor of inputs) {
      const { rangeOf } = activations.get(tensor)!;
      const override = (overrides[rangeOf] ?? {}) as TensorOverride;
      // A range that the user gave is the user's business, and 16 bits keep 48 dB more.
      if (override.min !== undefined || isWide(override.dtype ?? defaultType)) continue;
      const { sqnrDb = Number.POSITIVE_INFINITY } = ranges[rangeOf] ?? {};
      if (sqnrDb < LEAST_DB)
        fragile.set(
          anchor.node,
          `8 bits would keep only ${sqnrDb.toFixed(1)} dB of the ordinary values of its input ${tensor}`,
        );
    }
  }
  return fragile;
}
