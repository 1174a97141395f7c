import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { modelFile } from "./support/build-model.js";
import { channelsOf, expectCutEqualsMasked, withoutChannels } from "./support/cut-oracle.js";
import { carried, digits } from "./support/digits.js";
import { Network } from "./support/network.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const { models } = modelProcess();
const SEEDS = [101, 2002, 30003];

/** Convolutions of 8 channels around what a function puts between them. */
function between(middle: (net: Network, x: string) => [string, number]): Network & { output: string } {
  const net = new Network(7);
  const [x, channels] = middle(net, net.conv("x", 3, 8));
  return Object.assign(net, { output: net.conv(x, channels, 4) });
}

const IMAGE = { x: [2, 3, 6, 6] };

const IMAGES: Record<string, (net: Network, x: string) => [string, number]> = {
  "activations and BatchNormalization": (net, x) => [
    net.node("Relu", [net.norm(net.node("HardSwish", [x]), 8)]),
    8,
  ],
  "a depthwise convolution": (net, x) => [net.conv(x, 8, 8, { group: 8 }), 8],
  "a depthwise convolution that makes two of each channel": (net, x) => [
    net.conv(x, 8, 16, { group: 8 }),
    16,
  ],
  "a convolution in two groups": (net, x) => [net.conv(x, 8, 12, { group: 2 }), 12],
  "a residual connection": (net, x) => [net.node("Add", [x, net.conv(net.conv(x, 8, 5), 5, 8)]), 8],
  "a constant for each channel": (net, x) => [
    net.node("Sub", [net.node("Mul", [x, net.weight(8, 1, 1)]), net.weight(1, 8, 1, 1)]),
    8,
  ],
  "one constant for all": (net, x) => [net.node("Add", [x, net.scalar(0.5)]), 8],
  concatenation: (net, x) => [net.node("Concat", [net.conv(x, 8, 5), x, net.conv(x, 8, 3)], { axis: 1 }), 16],
  "a split": (net, x) => {
    const [a, b] = net.split("Split", [x, net.ints(3, 5)], 2, { axis: 1 });
    return [net.node("Concat", [net.conv(b!, 5, 4), a!], { axis: -3 }), 7];
  },
  "a split into equal parts, multiplied": (net, x) => {
    const [a, b] = net.split("Split", [x], 2, { axis: 1 });
    return [net.node("Mul", [net.node("Sigmoid", [a!]), b!]), 4];
  },
  "a slice of the channels": (net, x) => [net.node("Slice", [x, net.ints(2), net.ints(-1), net.ints(1)]), 5],
  "a slice of the image": (net, x) => [
    net.node("Slice", [x, net.ints(1, 0), net.ints(5, 100), net.ints(2, 3)]),
    8,
  ],
  padding: (net, x) => [net.node("Pad", [x, net.ints(0, 0, 1, 0, 0, 0, 1, 2)]), 8],
  pools: (net, x) => [
    net.node("AveragePool", [net.node("MaxPool", [x], { kernel_shape: [2, 2] })], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      ceil_mode: 1,
    }),
    8,
  ],
  "squeeze and excitation": (net, x) => {
    const squeezed = net.conv(net.node("GlobalAveragePool", [x]), 8, 6, { kernel: 1 });
    return [net.node("Mul", [x, net.node("Sigmoid", [net.conv(squeezed, 6, 8, { kernel: 1 })])]), 8];
  },
  "a transposed convolution": (net, x) => [
    net.node("ConvTranspose", [x, net.weight(8, 6, 2, 2), net.weight(6)], { strides: [2, 2] }),
    6,
  ],
  "a resize by factors": (net, x) => [net.node("Resize", [x, "", net.floats(1, 1, 2, 2)]), 8],
  "a resize to sizes that are computed": (net, x) => {
    const own = net.node("Slice", [net.node("Shape", [x]), net.ints(0), net.ints(2)]);
    return [net.node("Resize", [x, "", "", net.node("Concat", [own, net.ints(5, 7)], { axis: 0 })]), 8];
  },
  "a pixel shuffle": (net, x) => [net.node("DepthToSpace", [x], { blocksize: 2, mode: "CRD" }), 2],
  "the other pixel shuffle, and back": (net, x) => [
    net.node("SpaceToDepth", [net.node("DepthToSpace", [x], { blocksize: 2 })], { blocksize: 2 }),
    8,
  ],
  "halves whose size is computed": (net, x) => {
    const half = net.node("Div", [net.node("Gather", [net.node("Shape", [x]), net.ints(1)]), net.ints(2)]);
    const second = net.node("Slice", [x, half, net.node("Mul", [half, net.ints(2)]), net.ints(1)]);
    return [net.node("Max", [net.node("Slice", [x, net.ints(0), half, net.ints(1)]), second]), 4];
  },
  "a channel shuffle": (net, x) => {
    const apart = net.node("Reshape", [x, net.ints(0, 2, 4, -1)]);
    const turned = net.node("Transpose", [apart], { perm: [0, 2, 1, 3] });
    return [net.node("Reshape", [turned, net.node("Shape", [x])]), 8];
  },
  "group normalization as PyTorch exports it": (net, x) => {
    const groups = net.node("Reshape", [x, net.ints(0, 4, -1)]);
    const normal = net.node("InstanceNormalization", [groups, net.weight(4), net.weight(4)]);
    const back = net.node("Reshape", [normal, net.node("Shape", [x])]);
    return [net.node("Add", [net.node("Mul", [back, net.weight(8, 1, 1)]), net.weight(8, 1, 1)]), 8];
  },
};

describe("a model without some channels computes what it does when nothing reads them", () => {
  test.each(Object.entries(IMAGES))("through %s", async (_, middle) => {
    const net = between(middle);
    const file = modelFile(net.model(IMAGE, [net.output]));
    let sets = 0;
    for (const seed of SEEDS) {
      const { removed } = await expectCutEqualsMasked(
        models(),
        file,
        { x: randomTensor(IMAGE.x, seed) },
        seed,
      );
      sets += removed;
    }
    expect(sets).toBeGreaterThan(0);
  });

  test.each(["digits_cnn", "digits_dw", "digits_vit"])("in %s", async (name) => {
    const file = readFileSync(carried(`${name}.onnx`));
    const { image } = digits(3);
    for (const seed of SEEDS) {
      const { bytes } = await expectCutEqualsMasked(models(), file, { image }, seed);
      expect(bytes).toBeGreaterThan(0.2 * file.byteLength);
    }
  });

  it("with constants for sizes that are known, whatever else is computed of them", async () => {
    const net = new Network();
    const narrow = net.linear("x", 12, 8);
    const size = net.node("Gather", [net.node("Shape", [narrow]), net.int(2)]);
    const scaled = net.node("Div", [narrow, net.node("Sqrt", [net.node("Cast", [size], { to: 1 })])]);
    const wide = net.node("Relu", [net.linear(scaled, 8, 16)]);
    const shape = net.node("Shape", [wide]);
    const front = [0, 1].map((i) => net.node("Gather", [shape, net.ints(i)]));
    const target = net.node("Concat", [...front, net.ints(4, 4)], { axis: 0 });
    const joined = net.node("Reshape", [net.node("Reshape", [wide, target]), net.ints(0, 0, 16)]);
    const file = modelFile(net.model({ x: ["n", "t", 12] }, [net.linear(joined, 16, 4)]));
    await expectCutEqualsMasked(models(), file, { x: randomTensor([2, 5, 12], 1) }, 55);
    const axes = channelsOf(file);
    withoutChannels(axes, new Set());
    const types = axes.graph.allNodes().map(({ opType }) => opType);
    expect(types).toEqual(expect.not.arrayContaining(["Shape"]));
    expect(types).toEqual(expect.not.arrayContaining(["Gather"]));
    expect(types).toContain("Cast");
  });

  it("through any chain of blocks", async () => {
    const chain = fc.array(fc.constantFrom(...Object.keys(IMAGES)), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(chain, fc.integer({ min: 1 }), async (names, seed) => {
        const net = new Network(seed % 1000);
        let x = "x";
        let channels = 3;
        for (const name of names) {
          x = net.conv(x, channels, 8);
          [x, channels] = IMAGES[name]!(net, x);
        }
        const output = net.conv(net.node("GlobalMaxPool", [x]), channels, 5, { kernel: 1 });
        const file = modelFile(net.model({ x: [1, 3, 6, 6] }, [output]));
        await expectCutEqualsMasked(models(), file, { x: randomTensor([1, 3, 6, 6], seed) }, seed);
      }),
      { numRuns: 25, seed: 3 },
    );
  });
});
