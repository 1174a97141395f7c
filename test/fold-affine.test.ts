import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { foldAffine } from "../lib/graph/fold-affine.js";
import { gateFloor } from "../lib/graph/gate-floor.js";
import { Graph } from "../lib/graph/graph.js";
import { compareModels } from "../lib/index.js";
import { openModel } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats, type GraphSpec, modelFile, type NodeSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const values = (shape: number[], seed: number, scale = 1) =>
  randomTensor(shape, seed, scale).data as Float32Array;
const conv = (input: string, output: string, attributes: NodeSpec["attributes"] = {}): NodeSpec => ({
  op: "Conv",
  name: output,
  in: [input, `${output}.w`],
  out: [output],
  attributes,
});
const weights = (name: string, shape: number[], seed: number) =>
  floats(`${name}.w`, shape, values(shape, seed, 0.5));
const constants = [
  floats("half", [1], [0.5]),
  floats("three", [], [3]),
  floats("six", [], [6]),
  floats("zero", [], [0]),
  floats("huge", [], [1e30]),
  floats("minus", [1, 1, 1, 1], [-2]),
  floats("each", [1, 4, 1, 1], [0.5, 1, -2, 3]),
  floats("shift", [4, 1, 1], [0.1, -0.2, 0.3, 40]),
  floats("columns", [1, 1, 1, 6], [1, 2, 3, 4, 5, 6]),
];
const image = { x: ["n", 2, 6, 6] };

function spec(nodes: NodeSpec[], initializers: GraphSpec["initializers"] = []): GraphSpec {
  const used = new Set(nodes.flatMap((node) => node.in));
  const all = [weights("a", [4, 2, 3, 3], 1), weights("b", [4, 1, 3, 3], 2), weights("c", [3, 4, 1, 1], 3)];
  return {
    nodes,
    initializers: [...all, ...constants, ...initializers].filter(({ name }) => used.has(name)),
    inputs: image,
    outputs: [nodes.at(-1)!.out[0]!],
  };
}

async function bothOutputs(name: string, built: GraphSpec) {
  const model = openModel(buildModel(built));
  const [before, after] = [join(folder, `${name}.onnx`), join(folder, `${name}.folded.onnx`)];
  await writeOnnx(before, model);
  const folded = foldAffine(new Graph(model));
  await writeOnnx(after, model);
  const x = randomTensor([2, 2, 6, 6], 9);
  const [want, got] = [await run(before, { x }), await run(after, { x })];
  const output = built.outputs![0]!;
  return {
    folded,
    ops: model.proto.graph!.node.map(({ opType }) => opType),
    want: want[output]!,
    got: got[output]!,
  };
}

const behind = (): NodeSpec[] => [
  conv("x", "a"),
  { op: "Mul", in: ["each", "a"], out: ["a1"] },
  { op: "Sub", in: ["a1", "shift"], out: ["a2"] },
  { op: "Div", in: ["a2", "minus"], out: ["a3"] },
  { op: "Add", in: ["half", "a3"], out: ["y"] },
];
const inFront = (attributes: NodeSpec["attributes"]): NodeSpec[] => [
  { op: "Div", in: ["x", "six"], out: ["x1"] },
  { op: "Mul", in: ["half", "x1"], out: ["x2"] },
  { op: "Add", in: ["x2", "three"], out: ["x3"] },
  conv("x3", "a", attributes),
];

describe("constants that multiply and add", () => {
  test.each<[string, NodeSpec[], number, string[]]>([
    ["behind a convolution, by channel or for all", behind(), 4, ["Conv"]],
    ["before one that is not padded", inFront({}), 3, ["Conv"]],
    ["before one that is: the term stays", inFront({ pads: [1, 1, 1, 1] }), 2, ["Add", "Conv"]],
    ["before one that pads as it needs", inFront({ auto_pad: "SAME_UPPER" }), 2, ["Add", "Conv"]],
    [
      "between two, of which one is depthwise",
      [...behind(), conv("y", "b", { group: 4 })],
      4,
      ["Conv", "Conv"],
    ],
  ])("%s", async (name, nodes, count, left) => {
    const { folded, ops, want, got } = await bothOutputs(name.replaceAll(/[ ,:]/g, "-"), spec(nodes));
    expect(folded).toBe(count);
    expect(ops).toEqual(left);
    expect(largestError(want, got)).toBeLessThan(1e-5);
  });

  test.each<[string, NodeSpec[]]>([
    [
      "what another node reads",
      [
        conv("x", "a"),
        { op: "Mul", in: ["a", "half"], out: ["m"] },
        { op: "Add", in: ["a", "m"], out: ["y"] },
      ],
    ],
    [
      "a value for each column",
      [conv("x", "a", { pads: [1, 1, 1, 1] }), { op: "Mul", in: ["a", "columns"], out: ["y"] }],
    ],
    ["a constant that is divided", [conv("x", "a"), { op: "Div", in: ["half", "a"], out: ["y"] }]],
    ["a constant that is taken from", [conv("x", "a"), { op: "Sub", in: ["half", "a"], out: ["y"] }]],
    ["a factor that is huge", [conv("x", "a"), { op: "Div", in: ["a", "huge"], out: ["y"] }]],
  ])("stay: %s", async (name, nodes) => {
    const { folded, want, got } = await bothOutputs(name.replaceAll(" ", "-"), spec(nodes));
    expect(folded).toBe(0);
    expect(largestError(want, got)).toBe(0);
  });

  it("stay where the weight has another reader, or the tensor is an output", () => {
    const shared = [
      conv("x", "a"),
      { ...conv("x", "b"), in: ["x", "a.w"] },
      { op: "Mul", in: ["a", "half"], out: ["y"] },
    ];
    expect(foldAffine(new Graph(openModel(buildModel(spec(shared)))))).toBe(0);
    const seen = { ...spec(behind()), outputs: ["a", "y"] };
    expect(foldAffine(new Graph(openModel(buildModel(seen))))).toBe(0);
  });
});

/** x clip(x + 3, 0, 6) / 6, as exporters write it. */
const hardSwish = (input: string, output: string): NodeSpec[] => [
  { op: "Add", in: [input, "three"], out: [`${output}.sum`] },
  { op: "Clip", in: [`${output}.sum`, "zero", "six"], out: [`${output}.gate`] },
  { op: "Mul", in: [input, `${output}.gate`], out: [`${output}.product`] },
  { op: "Div", in: [`${output}.product`, "six"], out: [output] },
];

describe("gates", () => {
  const float = (value: number) => ({ float: value });
  test.each<[string, NodeSpec[], number | undefined]>([
    ["hard swish in parts", hardSwish("x", "y"), -3],
    ["HardSwish", [{ op: "HardSwish", in: ["x"], out: ["y"] }], -3],
    [
      "HardSigmoid that is multiplied",
      [
        { op: "HardSigmoid", in: ["x"], out: ["g"], attributes: { alpha: float(0.25), beta: float(1) } },
        { op: "Mul", in: ["g", "x"], out: ["y"] },
      ],
      -4,
    ],
    [
      "a gate that is scaled",
      [
        { op: "Add", in: ["half", "x"], out: ["s"] },
        { op: "Relu", in: ["s"], out: ["r"] },
        { op: "Div", in: ["r", "six"], out: ["g"] },
        { op: "Mul", in: ["x", "g"], out: ["y"] },
      ],
      -0.5,
    ],
    ["another reader", [...hardSwish("x", "h"), { op: "Add", in: ["h", "x"], out: ["y"] }], undefined],
    [
      "a sum that goes elsewhere too",
      [...hardSwish("x", "h"), { op: "Add", in: ["h", "h.sum"], out: ["y"] }],
      undefined,
    ],
    [
      "a gate of something else",
      [
        { op: "Relu", in: ["z"], out: ["g"] },
        { op: "Mul", in: ["x", "g"], out: ["y"] },
      ],
      undefined,
    ],
    [
      "a clip that leaves something",
      [
        { op: "Clip", in: ["x", "half", "six"], out: ["g"] },
        { op: "Mul", in: ["x", "g"], out: ["y"] },
      ],
      undefined,
    ],
  ])("%s", (_, nodes, floor) => {
    const built = { ...spec(nodes), inputs: { x: ["n", 2, 6, 6], z: ["n", 2, 6, 6] } };
    expect(gateFloor(new Graph(openModel(buildModel(built))), "x")).toBe(floor);
  });
});

it("a model with learned scales and hard swish keeps more of its outputs", async () => {
  const nodes = [
    conv("x", "a", { pads: [1, 1, 1, 1] }),
    { op: "Mul", in: ["each", "a"], out: ["a1"] },
    ...hardSwish("a1", "h"),
    conv("h", "c"),
  ];
  const samples = Array.from({ length: 8 }, (_, i) => ({ x: randomTensor([1, 2, 6, 6], 20 + i, 20) }));
  const {
    input,
    output,
    repairs,
    ranges,
    nodes: treated,
  } = await quantizeBuilt(folder, "swish", buildModel(spec(nodes)), samples);
  expect(repairs).toEqual(["folded 2 Mul, Div, Add and Sub of constants into convolutions"]);
  expect(ranges.a1!.min).toBeGreaterThanOrEqual(-3);
  expect(ranges.a1!.min).toBeLessThan(-2.5);
  expect(ranges.a1!.max).toBeGreaterThan(20);
  expect(treated.filter(({ opType }) => opType === "Conv").map(({ treatment }) => treatment)).toEqual([
    "int8",
    "int8",
  ]);
  const data = samples.map((feeds) => ({ feeds }));
  const { outputs, layers } = await compareModels(input, output, { data, latency: false, layers: true });
  expect(outputs[0]!.sqnrDb).toBeGreaterThan(33);
  expect(layers!.nodes.map(({ name }) => name)).toContain("c");
  expect(Math.min(...layers!.nodes.map(({ sqnrDb }) => sqnrDb))).toBeGreaterThan(33);
  expect(layers!.weights.map(({ name }) => name).sort()).toEqual([
    "a.w_folded",
    "a1_bias",
    "c.w_folded",
    "c_bias",
  ]);
  writeFileSync(join(folder, "plain.onnx"), modelFile(buildModel(spec(nodes))));
  const plain = await quantizeBuilt(folder, "plain", buildModel(spec(nodes)), samples, { prepare: false });
  expect(plain.repairs).toEqual([]);
});
