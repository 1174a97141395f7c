import type { Axes, Size } from "../axes.js";

/** Neighbouring axes of the input that hold the same values as neighbouring axes of the output. */
interface Run {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * Relates the axes of a tensor to those of another shape of the same values in the same order: an axis that becomes
 * several, or is one of several that become one, holds each channel as a block. Of the factors that two runs of axes
 * have in common one carries the channels, the outermost that may lose any unless that turned out to be in vain (the
 * channel of a flattened image, the head of a projection); the others stay whole.
 */
export function regroup(x: string, y: string, axes: Axes, reason: string): void {
  const { runs, rest } = alignedRuns(axes.shape(x)!, axes.shape(y)!);
  for (const axis of rest.from) axes.lock(x, axis, reason);
  for (const axis of rest.to) axes.lock(y, axis, reason);
  for (const run of runs) relate(x, y, run, axes, reason);
}

/** Runs of equal products, found from the front as long as sizes are equal and from the end as long as they are known. */
function alignedRuns(from: readonly Size[], to: readonly Size[]): { runs: Run[]; rest: Run } {
  const runs: Run[] = [];
  let start = 0;
  while (start < Math.min(from.length, to.length) && from[start] === to[start]) {
    runs.push({ from: [start], to: [start] });
    start++;
  }
  let [i, j] = [from.length, to.length];
  while (i > start && j > start) {
    const run = { from: [] as number[], to: [] as number[] };
    let [a, b] = [1, 1];
    let [m, n] = [i, j];
    do {
      const takesFrom = a < b || (a === b && m > start);
      const size = takesFrom ? from[m - 1] : to[n - 1];
      if ((takesFrom ? m : n) === start || typeof size !== "number") {
        if (run.from.length === 0 && typeof size === "string" && from[m - 1] === to[n - 1]) {
          run.from.unshift(--m);
          run.to.unshift(--n);
          break;
        }
        a = Number.NaN;
        break;
      }
      if (takesFrom) {
        a *= size;
        run.from.unshift(--m);
      } else {
        b *= size;
        run.to.unshift(--n);
      }
    } while (a !== b || run.from.length === 0 || run.to.length === 0);
    if (Number.isNaN(a)) break;
    runs.push(run);
    [i, j] = [m, n];
  }
  const between = (end: number) => Array.from({ length: end - start }, (_, k) => start + k);
  return { runs, rest: { from: between(i), to: between(j) } };
}

function relate(x: string, y: string, run: Run, axes: Axes, reason: string): void {
  const sizeOf = (tensor: string, axis: number) => axes.shape(tensor)![axis]!;
  const from = run.from.filter((axis) => sizeOf(x, axis) !== 1);
  const to = run.to.filter((axis) => sizeOf(y, axis) !== 1);
  if (from.length === 0 || to.length === 0) return;
  if (from.length === 1 && to.length === 1) {
    axes.join(x, from[0]!, y, to[0]!, reason);
    return;
  }
  const [ins, outs] = [
    places(from, (axis) => sizeOf(x, axis) as number),
    places(to, (axis) => sizeOf(y, axis) as number),
  ];
  const able = (commonFactors([...ins, ...outs]) ?? []).filter(({ stride, size }) => {
    const place = ins.find((each) => holds(each, stride, size))!;
    return axes.lockOf(x, place.axis) === undefined;
  });
  const carrier = axes.carrier(y, able, { tensor: x, axis: ins[0]!.axis });
  for (const [tensor, list] of [
    [x, ins],
    [y, outs],
  ] as const)
    for (const place of list) {
      if (carrier && holds(place, carrier.stride, carrier.size))
        joinBlocks(
          tensor,
          place,
          carrier,
          { tensor: x, place: ins.find((each) => holds(each, carrier.stride, carrier.size))! },
          axes,
        );
      else axes.lock(tensor, place.axis, reason);
    }
}

/** An axis and how far apart its neighbours lie. */
interface Place {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
}

interface Factor {
  readonly size: number;
  readonly stride: number;
}

function places(list: readonly number[], sizeOf: (axis: number) => number): Place[] {
  let stride = 1;
  return [...list]
    .reverse()
    .map((axis) => {
      const size = sizeOf(axis);
      const place = { axis, size, stride };
      stride *= size;
      return place;
    })
    .reverse();
}

/** The finest factors, outermost first, of which all axes are made; undefined where axes end within each other. */
function commonFactors(list: readonly Place[]): Factor[] | undefined {
  const ends = [...new Set(list.flatMap(({ stride, size }) => [stride, stride * size]))].sort(
    (a, b) => a - b,
  );
  const factors: Factor[] = [];
  for (let i = 1; i < ends.length; i++) {
    if (ends[i]! % ends[i - 1]! !== 0) return undefined;
    factors.unshift({ stride: ends[i - 1]!, size: ends[i]! / ends[i - 1]! });
  }
  return factors;
}

function holds({ stride, size }: Place, of: number, length: number): boolean {
  return of >= stride && of * length <= stride * size;
}

/** All elements of an axis that have the same place within the carrier go together, here and in the input. */
function joinBlocks(
  tensor: string,
  place: Place,
  carrier: Factor,
  source: { tensor: string; place: Place },
  axes: Axes,
): void {
  const within = (k: number, { stride }: Place) => Math.floor((k * stride) / carrier.stride) % carrier.size;
  const first = (index: number) => (index * carrier.stride) / source.place.stride;
  axes.joinAt(
    tensor,
    place.axis,
    source.tensor,
    source.place.axis,
    place.size,
    (k) => k,
    (k) => first(within(k, place)),
  );
}
