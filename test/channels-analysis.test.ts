import { describe, expect, it, test } from "vitest";
import { type ChannelGroup, channelGroups, nodeNames } from "../lib/graph/channels/channel-groups.js";
import { buildGraph, modelFile } from "./support/build-model.js";
import { channelsOf, expectCutEqualsMasked } from "./support/cut-oracle.js";
import { carried } from "./support/digits.js";
import { Network } from "./support/network.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const { models } = modelProcess();

/** "sets x width" where all sets are alike, else the widths of all. */
function sizeOf({ sets, widths }: ChannelGroup): string {
  const [width, ...others] = new Set(widths.values());
  return others.length > 0 ? [...widths.values()].join(" + ") : `${sets.length} x ${width}`;
}

/** Groups as "sets x width", and the reasons why others stay whole. */
function found(model: Uint8Array | string): { groups: string[]; reasons: string[] } {
  const { groups, whole } = channelGroups(channelsOf(model));
  return {
    groups: groups.map(sizeOf),
    reasons: whole.map(({ reason }) => reason),
  };
}

describe("channels that go together", () => {
  it("in a chain of convolutions are the filters of each, and the features they become", () => {
    const { groups } = channelGroups(channelsOf(carried("digits_cnn.onnx")));
    expect(groups.map(({ sets }) => sets.length)).toEqual([16, 32, 64, 64, 64]);
    expect(nodeNames(groups[3]!.readers)).toEqual(["/fc1/Gemm"]);
  });

  it("in a transformer are heads, which take their part of q, k and v along, and units", () => {
    const { groups, whole } = channelGroups(channelsOf(carried("digits_vit.onnx")));
    expect(groups.map(sizeOf)).toEqual(Array.from({ length: 4 }, () => ["4 x 16", "256 x 1"]).flat());
    expect(nodeNames(groups[0]!.makers)).toEqual(["/b.0/a/q/MatMul", "/b.0/a/k/MatMul", "/b.0/a/v/MatMul"]);
    expect(whole.map(({ reason }) => reason)).toEqual([
      "LayerNormalization takes its statistics along it",
      "it is an output of the model",
    ]);
  });

  it("are heads too where one product makes q, k and v", async () => {
    const net = new Network();
    const all = net.node("Reshape", [net.linear("x", 12, 48), net.ints(0, -1, 3, 4, 4)]);
    const turned = net.node("Transpose", [all], { perm: [2, 0, 3, 1, 4] });
    const [q, k, v] = [0, 1, 2].map((i) => net.node("Gather", [turned, net.int(i)], { axis: 0 }));
    const scores = net.node("MatMul", [q!, net.node("Transpose", [k!], { perm: [0, 1, 3, 2] })]);
    const mixed = net.node("MatMul", [net.node("Softmax", [scores], { axis: -1 }), v!]);
    const joined = net.node("Reshape", [
      net.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }),
      net.ints(0, -1, 16),
    ]);
    const file = modelFile(net.model({ x: ["n", "t", 12] }, [net.linear(joined, 16, 12)]));
    expect(found(file).groups).toEqual(["4 x 12"]);
    const { removed } = await expectCutEqualsMasked(models(), file, { x: randomTensor([2, 5, 12], 1) }, 77);
    expect(removed).toBeGreaterThan(0);
  });

  it("are units and their gates where one product makes both", async () => {
    const net = new Network();
    const [gate, unit] = net.split("Split", [net.linear("x", 6, 24)], 2, { axis: -1 });
    const gated = net.node("Mul", [net.node("Mul", [gate!, net.node("Sigmoid", [gate!])]), unit!]);
    const file = modelFile(net.model({ x: ["n", "t", 6] }, [net.linear(gated, 12, 6)]));
    expect(found(file).groups).toEqual(["12 x 2"]);
    await expectCutEqualsMasked(models(), file, { x: randomTensor([2, 5, 6], 1) }, 78);
  });

  it("are whole groups where GroupNormalization takes statistics of them", () => {
    const net = new Network();
    const normal = net.node("GroupNormalization", [net.conv("x", 3, 12), net.weight(12), net.weight(12)], {
      num_groups: 4,
    });
    const file = modelFile(net.model({ x: [1, 3, 4, 4] }, [net.conv(normal, 12, 3)], 21));
    expect(found(file).groups).toEqual(["4 x 3"]);
  });

  it("are the same places of all groups of a convolution", () => {
    const net = new Network();
    const grouped = net.conv(net.conv("x", 3, 8), 8, 12, { group: 2 });
    const file = modelFile(net.model({ x: [1, 3, 4, 4] }, [net.conv(grouped, 12, 3)]));
    expect(found(file).groups).toEqual(["4 x 2", "6 x 2"]);
  });

  it("may be fewer than all: those that a slice leaves out go alone", () => {
    const net = new Network();
    const wide = net.conv("x", 3, 8);
    const part = net.node("Slice", [wide, net.ints(0), net.ints(4), net.ints(1)]);
    const mean = net.node("ReduceMean", [part], { axes: [1] });
    const file = modelFile(net.model({ x: [1, 3, 4, 4] }, [mean, net.conv(wide, 8, 3)]));
    expect(found(file).groups).toEqual(["4 x 1"]);
  });
});

describe("channels stay whole, with the reason,", () => {
  test.each<[string, RegExp, (net: Network, x: string) => string]>([
    [
      "where LayerNormalization takes statistics of them",
      /LayerNormalization takes its statistics/,
      (net, x) => {
        const last = net.node("Transpose", [x], { perm: [0, 2, 3, 1] });
        const normal = net.node("LayerNormalization", [last, net.weight(8), net.weight(8)]);
        return net.node("Transpose", [normal], { perm: [0, 3, 1, 2] });
      },
    ],
    [
      "where Softmax works across them",
      /Softmax works across/,
      (net, x) => net.node("Softmax", [x], { axis: 1 }),
    ],
    [
      "where a mean counts them",
      /ReduceMean reduces it/,
      (net, x) => net.node("Sub", [x, net.node("ReduceMean", [x], { axes: [1] })]),
    ],
    [
      "where they are picked by number",
      /Gather picks from it/,
      (net, x) => net.node("Gather", [x, net.ints(7, 6, 5, 4, 3, 2, 1, 0)], { axis: 1 }),
    ],
    [
      "where a number is computed from how many they are",
      /Cast .* reads its size/,
      (net, x) => {
        const count = net.node("Gather", [net.node("Shape", [x]), net.int(1)]);
        return net.node("Div", [x, net.node("Cast", [count], { to: 1 })]);
      },
    ],
    [
      "where an operator moves them about",
      /GridSample .* not known/,
      (net, x) => net.node("GridSample", [x, "grid"]),
    ],
    [
      "where both sides of a product are computed",
      /both sides of a product/,
      (net, x) => {
        const flat = net.node("Reshape", [x, net.ints(8, 36)]);
        const gram = net.node("MatMul", [flat, net.node("Transpose", [flat], { perm: [1, 0] })]);
        const mixed = net.node("MatMul", [gram, flat]);
        return net.node("Reshape", [mixed, net.ints(1, 8, 6, 6)]);
      },
    ],
    [
      "where a Resize is given sizes",
      /Resize scales it/,
      (net, x) => net.node("Resize", [x, "", "", net.ints(1, 8, 6, 6)]),
    ],
    [
      "where a Reshape has a target that only a run knows",
      /Reshape .* not known/,
      (net, x) => net.node("Reshape", [x, "target"]),
    ],
  ])("%s", (_, reason, middle) => {
    const net = new Network();
    const x = net.conv("x", 3, 8);
    const { reasons, groups } = found(
      modelFile(
        net.model({ x: [1, 3, 6, 6], target: ["int64", [4]], grid: [1, 6, 6, 2] }, [
          net.conv(middle(net, x), 8, 2),
        ]),
      ),
    );
    expect(groups).toEqual([]);
    expect(reasons[0]).toMatch(reason);
  });

  it("where the model gives them out", () => {
    const net = new Network();
    const x = net.conv("x", 3, 8);
    const file = modelFile(net.model({ x: [1, 3, 6, 6] }, [net.conv(x, 8, 2), x]));
    expect(found(file)).toEqual({
      groups: [],
      reasons: ["it is an output of the model", "it is an output of the model"],
    });
  });

  it("where a subgraph reads them", () => {
    const net = new Network();
    const x = net.conv("x", 3, 8);
    const branch = buildGraph({
      nodes: [{ op: "Relu", in: [x], out: ["inner"] }],
      outputs: ["inner"],
    });
    const chosen = net.node("If", ["condition"], { then_branch: branch, else_branch: branch });
    const file = modelFile(
      net.model({ x: [1, 3, 6, 6], condition: ["bool", []] }, [net.conv(chosen, 8, 2), net.conv(x, 8, 2)]),
    );
    expect(found(file).reasons[0]).toBe("a subgraph reads it");
  });

  it("where a recurrent layer reads them", () => {
    const net = new Network();
    const x = net.linear("x", 5, 8);
    const [, state] = net.split("LSTM", [x, net.weight(1, 24, 8), net.weight(1, 24, 6)], 2, {
      hidden_size: 6,
    });
    const file = modelFile(net.model({ x: ["t", "n", 5] }, [state!]));
    expect(found(file).reasons[0]).toMatch(/^LSTM "LSTM\d+": what it does with channels is not known$/);
  });

  it("where no weight reads them", () => {
    const net = new Network();
    const x = net.conv("x", 3, 8);
    const file = modelFile(net.model({ x: [1, 3, 6, 6] }, [net.conv("x", 3, 2), net.node("Size", [x])]));
    expect(found(file).reasons).toContainEqual(expect.stringMatching(/Size .* not known/));
  });
});
