import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { intsAttributeOf } from "../../graph.js";
import type { Axes, Size } from "../axes.js";
import { fromFront, inputOf, type Rule } from "./rule.js";

/** What a Slice takes of an axis; start and end are as given, undefined where they are computed from what is not known. */
interface Range {
  readonly axis: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly step: number;
}

/** Slice: of each axis a range of channels. Starts and ends are written anew where channels went. */
export const slicing: Rule = {
  sizeInputs: [1, 2],
  relate(node, axes) {
    const [x, y] = [node.input[0]!, node.output[0]!];
    const shape = axes.shape(x);
    if (!shape) return "the shape of its input is not known";
    const ranges = rangesOf(node, axes, shape);
    if (!ranges) return "its axes are computed";
    const byAxis = new Map(ranges.map((range) => [range.axis, range]));
    axes.setShape(
      y,
      shape.map((size, axis) => sizeAfter(size, byAxis.get(axis), axes)),
    );
    const isKnown = canRewrite(ranges);
    if (!isKnown) lockSources(node, axes);
    for (const [axis, size] of shape.entries()) {
      const range = byAxis.get(axis);
      const left = axes.shape(y)![axis];
      if (!range || takesAll(range)) axes.join(x, axis, y, axis, "Slice");
      else if (!isKnown || range.step !== 1 || typeof size !== "number" || typeof left !== "number") {
        axes.lock(x, axis, "Slice counts along it");
        axes.lock(y, axis, "Slice counts along it");
      } else {
        const start = within(range.start!, size);
        axes.joinAt(
          x,
          axis,
          y,
          axis,
          left,
          (k) => start + k,
          (k) => k,
        );
      }
    }
    return undefined;
  },
  cut(node, cut) {
    const x = node.input[0]!;
    const shape = cut.before(x)!;
    const ranges = rangesOf(node, cut.axes, shape);
    if (!ranges || !canRewrite(ranges)) return;
    const moved = (axis: number, index: number): number => {
      const size = shape[axis]!;
      if (typeof size !== "number") return index;
      const at = within(index, size);
      return cut.kept(x, axis)?.filter((k) => k < at).length ?? at;
    };
    const forward = ranges.every(({ step }) => step > 0);
    const starts = ranges.map(({ axis, start }) => (forward ? moved(axis, start!) : start!));
    const ends = ranges.map(({ axis, end }) => (forward ? moved(axis, end!) : end!));
    if (node.input.length === 1) {
      cut.setInts(node, "starts", starts);
      cut.setInts(node, "ends", ends);
      return;
    }
    cut.setVector(node, 1, starts);
    cut.setVector(node, 2, ends);
  },
};

function rangesOf(node: NodeProto, axes: Axes, shape: readonly Size[]): Range[] | undefined {
  const isInput = node.input.length > 1;
  const list = (index: number, name: string) =>
    isInput ? axes.numbers(inputOf(node, index)) : intsAttributeOf(node, name);
  const [starts, ends] = [list(1, "starts"), list(2, "ends")];
  const count = starts?.length ?? ends?.length;
  if (count === undefined) return undefined;
  const given = isInput ? inputOf(node, 3) !== undefined : intsAttributeOf(node, "axes").length > 0;
  const along = given ? list(3, "axes") : Array.from({ length: count }, (_, i) => i);
  const steps = inputOf(node, 4) ? axes.numbers(inputOf(node, 4)) : Array.from({ length: count }, () => 1);
  if (!along?.every((axis) => axis !== undefined) || !steps?.every((step) => step !== undefined))
    return undefined;
  return along.map((axis, i) => ({
    axis: fromFront(axis, shape.length),
    start: starts?.[i],
    end: ends?.[i],
    step: steps[i]!,
  }));
}

function sizeAfter(size: Size, range: Range | undefined, axes: Axes): Size {
  if (!range || takesAll(range)) return size;
  const { start, end, step } = range;
  if (typeof size !== "number" || start === undefined || end === undefined || step < 1) return axes.unknown();
  return Math.max(0, Math.ceil((within(end, size) - within(start, size)) / step));
}

function canRewrite(ranges: readonly Range[]): boolean {
  return ranges.every(({ start, end }) => start !== undefined && end !== undefined);
}

/** A range to the end of any axis. */
function takesAll({ start, end, step }: Range): boolean {
  return start === 0 && step === 1 && end !== undefined && end >= 2 ** 31 - 1;
}

/** A place counted from the end, or beyond it, as one of 0..size. */
function within(index: number, size: number): number {
  return Math.min(Math.max(index < 0 ? index + size : index, 0), size);
}

function lockSources(node: NodeProto, axes: Axes): void {
  for (const index of [1, 2])
    for (const { sources } of axes.sizes(inputOf(node, index) ?? "")?.elements ?? [])
      for (const { tensor, axis } of sources)
        axes.lock(tensor, axis, "the ranges of a Slice are computed from it");
}
