import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { intAttributeOf } from "../../graph.js";
import type { Axes, Size } from "../axes.js";
import { lockSpace } from "./convolution.js";
import { inputOf, type Rule } from "./rule.js";
import { textAttributeOf } from "./windows.js";

/** Resize and Upsample: axes with the factor 1, or with the size that the input has itself, hold what they held. */
export const resizing: Rule = {
  sizeInputs: [3],
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const sizes = sizesOf(node, axes, shape) ?? scaledSizes(node, axes, shape);
    if (!sizes) return "its factors are computed";
    axes.setShape(
      y,
      sizes.map(({ size }) => size),
    );
    for (const [axis, { stays }] of sizes.entries()) {
      if (stays) axes.join(x, axis, y, axis, node.opType);
      else for (const tensor of [x, y]) axes.lock(tensor, axis, `${node.opType} scales it`);
    }
    return undefined;
  },
};

interface Resized {
  readonly size: Size;
  readonly stays: boolean;
}

/** Sizes that are given; a number that is there for a channel would stay when channels go, one that is computed follows them. */
function sizesOf(node: NodeProto, axes: Axes, shape: readonly Size[]): Resized[] | undefined {
  const elements = inputOf(node, 3) ? axes.sizes(node.input[3]!)?.elements : undefined;
  if (elements?.length !== shape.length) return undefined;
  return elements.map(({ size, sources }, axis) => {
    const [source, ...others] = sources;
    const follows = source !== undefined && others.length === 0 && size === shape[axis];
    if (follows) axes.join(node.input[0]!, axis, source.tensor, source.axis, "the size of a Resize");
    else for (const each of sources) axes.lock(each.tensor, each.axis, "a Resize is given it as a size");
    return { size: size ?? axes.unknown(), stays: follows };
  });
}

function scaledSizes(node: NodeProto, axes: Axes, shape: readonly Size[]): Resized[] | undefined {
  const index = node.opType === "Upsample" || node.input.length === 2 ? 1 : 2;
  const stored = axes.graph.initializer(inputOf(node, index) ?? "");
  const scales = stored ? Array.from(axes.graph.model.tensor(stored).data as Float32Array) : [];
  if (scales.length !== shape.length) return undefined;
  return shape.map((size, axis) => {
    const scale = scales[axis]!;
    const after = typeof size === "number" ? Math.floor(size * scale) : axes.unknown();
    return { size: scale === 1 ? size : after, stays: scale === 1 };
  });
}

/** DepthToSpace: a block of channels becomes a block of the image, for each channel that is left. */
export const depthToSpace: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    const block = intAttributeOf(node, "blocksize", 1);
    const channels = shape?.[1];
    if (!shape || typeof channels !== "number") return "the shape of its input is not known";
    const [made, inBlock] = [channels / block ** 2, block ** 2];
    axes.setShape(y, [shape[0]!, made, ...shape.slice(2).map((size) => times(size, block, axes))]);
    joinBlocks(axes, x, y, channels, (k) =>
      textAttributeOf(node, "mode") === "CRD" ? Math.floor(k / inBlock) : k % made,
    );
    return undefined;
  },
};

/** SpaceToDepth: the reverse; the channels of the input come again for each place of a block. */
export const spaceToDepth: Rule = {
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    const block = intAttributeOf(node, "blocksize", 1);
    const channels = shape?.[1];
    if (!shape || typeof channels !== "number") return "the shape of its input is not known";
    axes.setShape(y, [
      shape[0]!,
      channels * block ** 2,
      ...shape.slice(2).map((size) => times(size, 1 / block, axes)),
    ]);
    joinBlocks(axes, y, x, channels * block ** 2, (k) => k % channels);
    return undefined;
  },
};

function joinBlocks(axes: Axes, deep: string, wide: string, count: number, to: (k: number) => number): void {
  axes.join(deep, 0, wide, 0, "samples");
  axes.joinAt(deep, 1, wide, 1, count, (k) => k, to);
  lockSpace(axes, deep);
  lockSpace(axes, wide);
}

function times(size: Size, factor: number, axes: Axes): Size {
  return typeof size === "number" ? Math.floor(size * factor) : axes.unknown();
}
