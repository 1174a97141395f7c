import type { Axes } from "../../graph/channels/axes.js";
import { setsOf } from "../../graph/channels/channel-groups.js";
import type { RemovalOrder } from "./removal-order.js";

/**
 * The orders of sets that lie on the same axes everywhere. Behind a Split or a Concat layers have some of a group's channels only, and
 * each has to keep its share of those that it has.
 */
export function splitOrders(axes: Axes, orders: readonly RemovalOrder[]): RemovalOrder[] {
  const places = placesOf(axes);
  return orders.flatMap((order) => {
    const parts = new Map<string, number[]>();
    for (const [i, set] of order.sets.entries()) {
      const place = (places.get(set) ?? []).join();
      const part = parts.get(place);
      if (part) part.push(i);
      else parts.set(place, [i]);
    }
    return parts.size === 1 ? [order] : [...parts.values()].map((part) => partOf(order, part));
  });
}

/** The axes that hold something of each set, by number. */
function placesOf(axes: Axes): Map<number, number[]> {
  const places = new Map<number, number[]>();
  let number = 0;
  for (const { tensor, axis } of axes.tracked()) {
    for (const set of new Set(setsOf(axes, { weight: tensor, axis }))) {
      const own = places.get(set);
      if (own) own.push(number);
      else places.set(set, [number]);
    }
    number++;
  }
  return places;
}

/** Some sets of an order, with what each of them added to the losses. */
function partOf({ group, sets, losses }: RemovalOrder, part: readonly number[]): RemovalOrder {
  const own = part.map((i) => sets[i]!);
  const channels = own.reduce((sum, set) => sum + group.widths.get(set)!, 0);
  let total = 0;
  const sums = part.map((i) => {
    total += losses[i]! - (losses[i - 1] ?? 0);
    return total;
  });
  return { group: { ...group, sets: own, channels }, sets: own, losses: sums };
}
