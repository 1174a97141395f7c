import type { Report } from "../../optimize/report.js";
import { orderLayers } from "./graph-order.js";
import { placeLayers } from "./graph-place.js";
import { rankNodes } from "./graph-rank.js";

export type GraphNode = Report["graph"]["nodes"][number];

export const NODE_WIDTH = 148;
export const NODE_HEIGHT = 40;
const LAYER_HEIGHT = 84;
/** Bends beyond these are left out, and the edges that would need most of them drawn straight. */
const MOST_BENDS = 20_000;

/** A node of the graph, or a bend: a place in a layer that an edge to a later one goes through. */
export interface Item {
  node: number | undefined;
  layer: number;
  /** Items of the layers before and after that it is connected to. */
  up: number[];
  down: number[];
  x: number;
}

export interface Layout {
  /** Centres of the nodes. */
  x: Float64Array;
  y: Float64Array;
  /** Nodes by layer from left to right. */
  layers: number[][];
  /** Pieces of edges, from one point to another. */
  pieces: Piece[];
  /** Nodes that each node reads from, and that read from it. */
  producers: number[][];
  consumers: number[][];
  left: number;
  right: number;
  height: number;
}

export interface Piece {
  fromX: number;
  fromY: number;
  toX: number;
  toY: number;
}

/**
 * A drawing in layers (Sugiyama, Tagawa and Toda 1981): every node below those it reads from, few crossings, edges upright
 * where there is room. In time about linear in nodes and edges.
 */
export function layOut(nodes: readonly GraphNode[]): Layout {
  const { producers, consumers } = connect(nodes);
  const rank = rankNodes(producers, consumers);
  const { items, layers, straight } = withBends(consumers, rank);
  orderLayers(items, layers);
  placeLayers(items, layers);
  return {
    x: Float64Array.from(nodes, (_, node) => items[node]!.x),
    y: Float64Array.from(nodes, (_, node) => items[node]!.layer * LAYER_HEIGHT),
    layers: layers.map((layer) => layer.filter((item) => items[item]!.node !== undefined)),
    pieces: [...piecesOf(items), ...straight.map(([from, to]) => piece(items[from]!, items[to]!))],
    producers,
    consumers,
    left: items.reduce((least, { x }) => Math.min(least, x), 0) - NODE_WIDTH / 2,
    right: items.reduce((most, { x }) => Math.max(most, x), 0) + NODE_WIDTH / 2,
    height: Math.max(1, layers.length - 1) * LAYER_HEIGHT + NODE_HEIGHT,
  };
}

function connect(nodes: readonly GraphNode[]) {
  const makers = new Map<string, number>();
  for (const [index, { outputs }] of nodes.entries())
    for (const name of outputs) if (name) makers.set(name, index);
  const producers = nodes.map(({ inputs }, index) => {
    const found = inputs
      .map((name) => makers.get(name))
      .filter((maker) => maker !== undefined && maker !== index);
    return [...new Set(found as number[])];
  });
  const consumers: number[][] = nodes.map(() => []);
  for (const [index, list] of producers.entries())
    for (const producer of list) consumers[producer]!.push(index);
  return { producers, consumers };
}

/** Puts bends where edges pass layers; all edges of a node go through the same ones. */
function withBends(consumers: readonly number[][], rank: Int32Array) {
  const items: Item[] = consumers.map((_, node) => ({ node, layer: rank[node]!, up: [], down: [], x: 0 }));
  const layers: number[][] = Array.from(
    { length: rank.reduce((most, layer) => Math.max(most, layer), -1) + 1 },
    () => [],
  );
  for (const [node, item] of items.entries()) layers[item.layer]!.push(node);
  const straight: [number, number][] = [];
  const reach = consumers.map((list, node) => Math.max(0, ...list.map((to) => rank[to]! - rank[node]! - 1)));
  let budget = MOST_BENDS;
  for (const node of [...consumers.keys()].sort((a, b) => reach[a]! - reach[b]!)) {
    budget -= reach[node]!;
    const forward = consumers[node]!.filter((to) => rank[to]! > rank[node]!);
    for (const to of consumers[node]!) if (budget < 0 || rank[to]! <= rank[node]!) straight.push([node, to]);
    if (budget < 0) continue;
    let last = node;
    for (let layer = rank[node]! + 1; layer <= rank[node]! + reach[node]! + 1; layer++) {
      for (const to of forward) if (rank[to] === layer) join(items, last, to);
      if (layer > rank[node]! + reach[node]!) break;
      layers[layer]!.push(items.length);
      items.push({ node: undefined, layer, up: [], down: [], x: 0 });
      join(items, last, items.length - 1);
      last = items.length - 1;
    }
  }
  return { items, layers, straight };
}

function join(items: readonly Item[], from: number, to: number): void {
  items[from]!.down.push(to);
  items[to]!.up.push(from);
}

function* piecesOf(items: readonly Item[]): Generator<Piece> {
  for (const item of items) for (const to of item.down) yield piece(item, items[to]!);
}

/** From the lower side of a node or a bend to the upper side of another. */
function piece(from: Item, to: Item): Piece {
  const half = NODE_HEIGHT / 2;
  return {
    fromX: from.x,
    fromY: from.layer * LAYER_HEIGHT + (from.node === undefined ? 0 : half),
    toX: to.x,
    toY: to.layer * LAYER_HEIGHT - (to.node === undefined ? 0 : half),
  };
}
