import { describe, expect, it, test } from "vitest";
import { type GraphNode, layOut, NODE_WIDTH } from "../lib/report/page/graph-layout.js";
import { squarify } from "../lib/report/page/squarify.js";
import { richReport } from "./support/report.js";

function node(name: string, inputs: string[], outputs: string[]): GraphNode {
  return { name, opType: "Add", inputs, outputs, precision: "int8" };
}

/** Of nodes in one layer, the least distance between neighbours' centres. */
function nearest({ layers, x }: ReturnType<typeof layOut>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const layer of layers)
    for (let i = 1; i < layer.length; i++) least = Math.min(least, x[layer[i]!]! - x[layer[i - 1]!]!);
  return least;
}

describe("the layout of a graph", () => {
  it("puts every node below those it reads from, beside others and not over them", () => {
    const { nodes } = richReport({ nodes: 2000 }).graph;
    const layout = layOut(nodes);
    for (const [index, list] of layout.producers.entries())
      for (const producer of list) expect(layout.y[producer]!).toBeLessThan(layout.y[index]!);
    expect(nearest(layout)).toBeGreaterThan(NODE_WIDTH);
    expect(layout.layers.flat().sort((a, b) => a - b)).toEqual([...nodes.keys()]);
  });

  it("draws a chain as one straight line", () => {
    const chain = Array.from({ length: 50 }, (_, i) => node(`n${i}`, [`v${i}`], [`v${i + 1}`]));
    expect(new Set(layOut(chain).x)).toEqual(new Set([0]));
  });

  it("puts what only makes a constant just above its reader", () => {
    const layout = layOut([
      node("constant", [], ["c"]),
      node("a", ["x"], ["y"]),
      node("b", ["y"], ["z"]),
      node("sum", ["z", "c"], ["out"]),
    ]);
    expect(layout.y[0]).toBe(layout.y[2]);
  });

  it("crosses nothing where two branches are listed crosswise", () => {
    const layout = layOut([
      node("left", ["x"], ["l"]),
      node("right", ["x"], ["r"]),
      node("right end", ["r"], ["re"]),
      node("left end", ["l"], ["le"]),
    ]);
    expect(Math.sign(layout.x[0]! - layout.x[1]!)).toBe(Math.sign(layout.x[3]! - layout.x[2]!));
  });

  test.each([
    ["nothing", []],
    ["one node without names", [node("", [""], [""])]],
    ["a circle", [node("a", ["y"], ["x"]), node("b", ["x"], ["y"])]],
    ["a node that reads itself", [node("a", ["x", "x"], ["x"])]],
    ["two makers of one value", [node("a", [], ["x"]), node("b", [], ["x"]), node("c", ["x"], [])]],
    ["an order from last to first", [node("b", ["x"], ["y"]), node("a", [], ["x"])]],
  ])("survives %s", (_name, nodes) => {
    const layout = layOut(nodes);
    for (const at of [...layout.x, ...layout.y, layout.height, layout.left, layout.right])
      expect(at).toSatisfy(Number.isFinite);
  });

  it("survives a value that 2,000 nodes read, all of them late", () => {
    const chain = Array.from({ length: 2000 }, (_, i) =>
      node(`n${i}`, [`v${i}`, "v1", `v${i >> 1}`], [`v${i + 1}`]),
    );
    const layout = layOut(chain);
    expect(layout.pieces.length).toBeLessThan(40_000);
    expect(nearest(layout)).toBeGreaterThan(NODE_WIDTH);
  });
});

describe("squarify", () => {
  it("gives areas in proportion, inside the box and not over each other", () => {
    const values = [60, 30, 20, 10, 5, 5, 3, 1];
    const boxes = squarify(values, { x: 0, y: 0, width: 670, height: 200 });
    for (const [i, { x, y, width, height }] of boxes.entries()) {
      expect(width * height).toBeCloseTo((values[i]! * 670 * 200) / 134, 4);
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(-1e-9);
      expect(x + width).toBeLessThanOrEqual(670 + 1e-6);
      expect(y + height).toBeLessThanOrEqual(200 + 1e-6);
      for (const other of boxes.slice(i + 1)) {
        const apartX = x + width <= other.x + 1e-6 || other.x + other.width <= x + 1e-6;
        const apartY = y + height <= other.y + 1e-6 || other.y + other.height <= y + 1e-6;
        expect(apartX || apartY).toBe(true);
      }
    }
  });

  it("gives nothing for nothing", () => {
    expect(squarify([], { x: 0, y: 0, width: 10, height: 10 })).toEqual([]);
  });
});
