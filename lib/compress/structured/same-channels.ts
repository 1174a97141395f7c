import type { Axes } from "../../graph/channels/axes.js";
import { setsOf } from "../../graph/channels/channel-groups.js";

/** The sets of channels of a graph once more, where it was analysed again after other tensors were added to it. */
export function sameChannels(before: Axes, after: Axes, sets: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  for (const maker of before.makers) {
    const again = setsOf(after, maker);
    for (const [k, set] of setsOf(before, maker).entries()) if (sets.has(set)) found.add(again[k]!);
  }
  return found;
}
