import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { intAttributeOf, intsAttributeOf } from "../../graph.js";
import type { Axes, Size } from "../axes.js";

/** Sizes of the spatial axes after a window has slid over them; unknown ones get a name. */
export function slidSizes(
  node: NodeProto,
  space: readonly Size[],
  kernel: readonly number[],
  axes: Axes,
): Size[] {
  const strides = intsAttributeOf(node, "strides");
  const dilations = intsAttributeOf(node, "dilations");
  const pads = intsAttributeOf(node, "pads");
  const automatic = textAttributeOf(node, "auto_pad") ?? "NOTSET";
  const round = intAttributeOf(node, "ceil_mode", 0) ? Math.ceil : Math.floor;
  return space.map((size, d) => {
    if (typeof size === "string") return axes.unknown();
    const stride = strides[d] ?? 1;
    if (automatic.startsWith("SAME")) return Math.ceil(size / stride);
    const padded = automatic === "VALID" ? 0 : (pads[d] ?? 0) + (pads[d + space.length] ?? 0);
    const covered = (dilations[d] ?? 1) * (kernel[d]! - 1) + 1;
    return round((size + padded - covered) / stride) + 1;
  });
}

export function textAttributeOf(node: NodeProto, name: string): string | undefined {
  const found = node.attribute.find((attribute) => attribute.name === name);
  return found && new TextDecoder().decode(found.s);
}
