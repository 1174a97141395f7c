/**
 * The layer of each node: below all that it reads from, and as near as possible to what reads it. Edges that close a
 * circle, which no sound model has, count for nothing.
 */
export function rankNodes(producers: readonly number[][], consumers: readonly number[][]): Int32Array {
  const order = topologicalOrder(producers, consumers);
  const position = new Int32Array(order.length);
  for (const [at, node] of order.entries()) position[node] = at;
  const rank = new Int32Array(order.length);
  for (const node of order)
    for (const to of consumers[node]!)
      if (position[to]! > position[node]!) rank[to] = Math.max(rank[to]!, rank[node]! + 1);
  for (const node of order.toReversed()) {
    let nearest = Number.POSITIVE_INFINITY;
    for (const to of consumers[node]!)
      if (position[to]! > position[node]!) nearest = Math.min(nearest, rank[to]!);
    if (nearest !== Number.POSITIVE_INFINITY) rank[node] = nearest - 1;
  }
  return rank;
}

/** Kahn's order; where only circles are left, the first node that remains goes next. */
function topologicalOrder(producers: readonly number[][], consumers: readonly number[][]): number[] {
  const waiting = Int32Array.from(producers, ({ length }) => length);
  const done = new Uint8Array(producers.length);
  const order: number[] = [];
  const ready: number[] = [];
  for (let first = 0; first < producers.length; first++) {
    if (!done[first] && waiting[first] === 0) take(first);
  }
  for (let first = 0; order.length < producers.length; first++) if (!done[first]) take(first);
  return order;

  function take(start: number): void {
    ready.push(start);
    for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
      if (done[node]) continue;
      done[node] = 1;
      order.push(node);
      for (const to of consumers[node]!) if (--waiting[to]! === 0) ready.push(to);
    }
  }
}
