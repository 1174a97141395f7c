import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import type { Axes, WeightAxis } from "./axes.js";

/** Channels of one place in a model, of which some may be taken out: those that a layer makes, or several that are added up. */
export interface ChannelGroup {
  /** The sets of channels, by the elements that stand for them; each goes as a whole: a filter, or a head of attention. */
  readonly sets: readonly number[];
  /** Channels that each set holds of the first maker which has any. */
  readonly widths: ReadonlyMap<number, number>;
  /** All that the first maker makes. */
  readonly channels: number;
  readonly makers: readonly WeightAxis[];
  readonly readers: readonly WeightAxis[];
}

/** Layers whose channels all have to stay, and why. */
export interface WholeGroup {
  readonly makers: readonly WeightAxis[];
  readonly reason: string;
}

/** The groups of channels of a graph: layers that make the same channels are one group. */
export function channelGroups(axes: Axes): { groups: ChannelGroup[]; whole: WholeGroup[] } {
  const members = joinMakers(axes);
  const readersOf = readersBySet(axes);
  const groups: ChannelGroup[] = [];
  const whole: WholeGroup[] = [];
  for (const makers of members) {
    const all = [...new Set(makers.flatMap((maker) => setsOf(axes, maker)))];
    const free = all.filter((set) => axes.classes.lockOf(set) === undefined);
    const readers = [...new Set(free.flatMap((set) => readersOf.get(set) ?? []))];
    const read = free.filter((set) => readersOf.has(set));
    if (free.length === 0 && all.length > 0) whole.push({ makers, reason: axes.classes.lockOf(all[0]!)! });
    else if (read.length === 0) whole.push({ makers, reason: "no later weight reads its channels" });
    else groups.push({ sets: read, ...widthsOf(axes, makers, read), makers, readers });
  }
  return { groups, whole };
}

/** The set of each element of an axis of a weight. */
export function setsOf(axes: Axes, { weight, axis }: Pick<WeightAxis, "weight" | "axis">): number[] {
  const first = axes.first(weight, axis);
  if (first === undefined) return [];
  const size = axes.shape(weight)![axis] as number;
  return Array.from({ length: size }, (_, k) => axes.classes.find(first + k));
}

export function nodeNames(list: readonly { node: NodeProto }[]): string[] {
  return [...new Set(list.map(({ node }) => node.name || node.output[0]!))];
}

function widthsOf(
  axes: Axes,
  makers: readonly WeightAxis[],
  sets: readonly number[],
): Pick<ChannelGroup, "widths" | "channels"> {
  const wanted = new Set(sets);
  const widths = new Map<number, number>();
  for (const maker of makers) {
    const own = new Map<number, number>();
    for (const set of setsOf(axes, maker)) if (wanted.has(set)) own.set(set, (own.get(set) ?? 0) + 1);
    for (const [set, width] of own) if (!widths.has(set)) widths.set(set, width);
  }
  return { widths, channels: setsOf(axes, makers[0]!).length };
}

function joinMakers(axes: Axes): WeightAxis[][] {
  const owner = new Map<number, number>();
  const lists: (WeightAxis[] | undefined)[] = [];
  for (const maker of axes.makers) {
    const sets = setsOf(axes, maker);
    const known = new Set(sets.flatMap((set) => owner.get(set) ?? []));
    const [target = lists.length, ...merged] = [...known].sort((a, b) => a - b);
    const list = lists[target] ?? [];
    lists[target] = list;
    list.push(maker);
    for (const other of merged) {
      list.push(...lists[other]!);
      lists[other] = undefined;
      for (const [set, at] of owner) if (at === other) owner.set(set, target);
    }
    for (const set of sets) owner.set(set, target);
  }
  return lists.filter((list) => list !== undefined);
}

function readersBySet(axes: Axes): Map<number, WeightAxis[]> {
  const readers = new Map<number, WeightAxis[]>();
  for (const reader of axes.readers)
    for (const set of new Set(setsOf(axes, reader))) readers.set(set, [...(readers.get(set) ?? []), reader]);
  return readers;
}
