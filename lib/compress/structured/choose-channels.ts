import type { ChannelSettings } from "./options.js";
import type { RemovalOrder } from "./removal-order.js";

/** One step down: more channels of a group go, to the next number that may stay. */
interface Step {
  /** Sets that are gone after it, and what that costs and counts. */
  readonly gone: number;
  readonly loss: number;
  readonly weight: number;
}

/**
 * Chooses how many channels of each group go, in the order that the group has.
 *
 * @param weights what each set counts for
 * @returns the sets that go
 */
export function chooseChannels(
  orders: readonly RemovalOrder[],
  weights: ReadonlyMap<number, number>,
  settings: ChannelSettings,
): Set<number> {
  const ladders = orders.map((order) => stepsOf(order, weights, settings));
  const reached =
    settings.scope === "layer"
      ? ladders.map((steps, i) => uniform(steps, settings.sparsity * orders[i]!.group.sets.length))
      : cheapest(ladders, settings.sparsity * totalWeight(orders, weights));
  const removed = new Set<number>();
  for (const [i, { sets }] of orders.entries())
    for (const set of sets.slice(0, reached[i] === 0 ? 0 : ladders[i]![reached[i]! - 1]!.gone))
      removed.add(set);
  return removed;
}

/** The numbers of channels that a group may come to, fewer and fewer. */
function stepsOf(
  { group, sets, losses }: RemovalOrder,
  weights: ReadonlyMap<number, number>,
  { roundTo, minKept }: ChannelSettings,
): Step[] {
  const steps: Step[] = [];
  let weight = 0;
  let kept = group.channels;
  for (const [i, set] of sets.slice(0, -1).entries()) {
    weight += weights.get(set) ?? 0;
    kept -= group.widths.get(set)!;
    if (kept % roundTo !== 0 || kept < minKept * group.channels) continue;
    steps.push({ gone: i + 1, loss: losses[i]!, weight });
  }
  return steps;
}

function totalWeight(orders: readonly RemovalOrder[], weights: ReadonlyMap<number, number>): number {
  return orders.flatMap(({ sets }) => sets).reduce((sum, set) => sum + (weights.get(set) ?? 0), 0);
}

/** As many steps as stay within a number of sets. */
function uniform(steps: readonly Step[], sets: number): number {
  return steps.filter(({ gone }) => gone <= sets + 1e-9).length;
}

/** Takes the step that costs least for what it saves, again and again until enough is saved. */
function cheapest(ladders: readonly (readonly Step[])[], target: number): number[] {
  const reached = ladders.map(() => 0);
  let saved = 0;
  while (saved < target) {
    let best: { group: number; price: number; saving: number } | undefined;
    for (const [group, steps] of ladders.entries()) {
      const next = steps[reached[group]!];
      if (!next) continue;
      const before = reached[group] === 0 ? { loss: 0, weight: 0 } : steps[reached[group]! - 1]!;
      const saving = next.weight - before.weight;
      const price = (next.loss - before.loss) / Math.max(saving, Number.MIN_VALUE);
      if (best === undefined || price < best.price) best = { group, price, saving };
    }
    if (!best) break;
    reached[best.group]!++;
    saved += best.saving;
  }
  return reached;
}
