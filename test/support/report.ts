import type { MetricValue, Report, ReportLayer, ReportTrial } from "../../lib/optimize/report.js";

type Histogram = NonNullable<ReportLayer["weights"]>;

/** A number between 0 and 1 that depends on the place alone. */
function chance(place: number): number {
  const mixed = Math.imul(place + 1, 0x9e3779b1) ^ Math.imul(place + 7, 0x85ebca6b);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
}

function metric(candidate: number, samples: number, name = "top-1"): MetricValue {
  const original = 0.9912;
  const drop = original - candidate;
  return {
    name,
    higherIsBetter: true,
    original,
    candidate,
    drop,
    interval: [drop - 0.0015, drop + 0.0018],
    samples,
  };
}

const PRECISIONS = ["int8", "int8", "weights int8", "float32", "int4", "float16"] as const;
const TREATMENTS = ["int8", "int8", "weights int8", "float", "weights int4", "float16"] as const;
const REASONS = [
  "a convolution between quantized tensors runs in integers",
  "its input has one scale per tensor, and its weight one per output channel",
  "its output goes to an operator that has no integer form",
  "left in float: in int8 the outputs would keep 14.2 dB, and 20 dB were asked for",
  "4-bit weights in blocks of 32 kept the accuracy and made it smaller",
  "half precision was enough, and integers were slower here",
];

function bellCurve(place: number, steps: number | undefined): Histogram {
  const width = 0.2 + chance(place);
  const counts = Array.from({ length: 64 }, (_, bin) =>
    Math.round(2000 * Math.exp(-(((bin - 31.5) / 12) ** 2)) * (0.8 + 0.4 * chance(place * 64 + bin))),
  );
  return { min: -width, max: width, counts, ...(steps !== undefined && { step: (2 * width) / steps }) };
}

function layerOf(index: number): ReportLayer {
  const kind = index % PRECISIONS.length;
  const before = Math.round(4000 * (1 + 30 * chance(index) ** 3));
  const sparsity = index % 3 === 0 ? 0.5 : 0;
  return {
    name: `/stage${Math.floor(index / 8)}/block${index % 8}/conv/Conv`,
    opType: kind === 4 ? "MatMul" : "Conv",
    treatment: TREATMENTS[kind]!,
    reason: REASONS[kind]!,
    bytes: { before, after: kind === 3 ? before : Math.round(before / (kind === 4 ? 7.5 : 3.95)) },
    ...(kind !== 3 && {
      sqnrDb: index === 0 ? null : 14 + 40 * chance(index + 50),
      weightSqnrDb: 38 + 6 * chance(index),
    }),
    weights: bellCurve(index, kind === 3 || kind === 5 ? undefined : kind === 4 ? 15 : 254),
    sparsity,
    ...(sparsity > 0 && {
      zeros: { rows: 8, cols: 16, shares: Array.from({ length: 128 }, (_, i) => chance(index * 128 + i)) },
    }),
    ranges: [
      {
        tensor: `/stage${Math.floor(index / 8)}/block${index % 8}/conv/Conv_output_0`,
        min: -2.5 * chance(index + 3),
        max: 0.5 + 8 * chance(index + 4) ** 2,
        scale: 0.021,
        zeroPoint: 114,
        dtype: "uint8",
        sqnrDb: 33 + 9 * chance(index + 9),
      },
    ],
  };
}

function trialOf(index: number): ReportTrial {
  const status = index % 9 === 7 ? "failed" : index % 4 === 3 ? "stopped early" : "measured";
  const candidate = 0.991 - 0.03 * chance(index) ** 2;
  const speedup = 0.8 + 2.4 * chance(index + 20);
  const steady = { p95Ms: 4.4, cv: 0.02 };
  return {
    id: `t${index}`,
    label: ["static int8, mse ranges", "static int8, head in float", "4-bit weights", "float16"][index % 4]!,
    steps: ["equalize channels", "quantize convolutions and products to int8", "correct the biases"],
    options: [{ mode: "static", calibrate: "mse", correctBias: "analytical" }],
    status,
    ...(status !== "measured" && {
      reason: "after 64 samples it was worse than the best by more than chance allows",
    }),
    ...(status !== "failed" && {
      sizeBytes: Math.round(94_200_000 / (2 + 2 * chance(index + 5))),
      latency: {
        original: { medianMs: 4.12, ...steady },
        candidate: { medianMs: 4.12 / speedup, ...steady },
        speedup,
      },
      peakMemoryBytes: Math.round(60e6 + 40e6 * chance(index + 2)),
    }),
    metrics:
      status === "failed" ? [] : [metric(candidate, 1200), metric(candidate - 0.004, 1200, "agreement")],
    onFront: index % 5 === 0,
    seconds: 3 + 9 * chance(index),
  };
}

/** A chain with a branch around every fourth node, as residual networks have. */
function nodesOf(count: number): Report["graph"]["nodes"] {
  return Array.from({ length: count }, (_, index) => ({
    name: `/stage${Math.floor(index / 8)}/block${index % 8}/node${index}`,
    opType: ["Conv", "Relu", "Conv", "Add"][index % 4]!,
    inputs: [
      index === 0 ? "image" : `v${index - 1}`,
      ...(index % 4 === 3 && index > 3 ? [`v${index - 4}`] : []),
    ],
    outputs: [index === count - 1 ? "logits" : `v${index}`],
    precision: PRECISIONS[index % PRECISIONS.length]!,
    ...(index % 3 === 0 && { sqnrDb: 12 + 40 * chance(index) }),
  }));
}

/** A report as a search of a classifier makes it: every part of the schema in use, the same at every call. */
export function richReport({ layers = 24, nodes = 90, trials = 18 } = {}): Report {
  const steady = { p95Ms: 4.4, cv: 0.02 };
  const list = Array.from({ length: trials }, (_, index) => trialOf(index));
  const result = list[0]!;
  Object.assign(result, {
    file: "model.onnx",
    metrics: [metric(0.9904, 1200), metric(0.995, 1200, "agreement")],
  });
  result.sizeBytes = 24_100_000;
  result.latency = {
    original: { medianMs: 4.12, ...steady },
    candidate: { medianMs: 1.78, ...steady },
    speedup: 2.31,
  };
  return {
    version: 1,
    tool: { name: "modelpress", version: "0.1.0" },
    date: "2026-11-28T08:00:00.000Z",
    machine: {
      cpu: "AMD EPYC",
      cores: 2,
      platform: "linux x64",
      node: "v20.20.2",
      onnxruntime: "1.30.0",
      threads: 1,
    },
    model: {
      name: "mobile_classifier.onnx",
      sizeBytes: 94_200_000,
      parameters: 23_500_000,
      inputs: [{ name: "image", dtype: "float32", shape: ["N", 3, 224, 224] }],
      outputs: [{ name: "logits", dtype: "float32", shape: ["N", 1000] }],
      latency: { medianMs: 4.12, ...steady },
      peakMemoryBytes: 131_000_000,
    },
    data: {
      source: "images.safetensors",
      labelled: true,
      parts: { calibration: 256, selection: 1200, verdict: 2400 },
    },
    goal: {
      goal: "latency",
      metric: "top-1",
      maxDrop: 0.003,
      budgetSeconds: 600,
      spentSeconds: 184,
      ended: "the front did not move for 6 candidates",
    },
    verdict: {
      good: true,
      line: "3.9 times smaller and 2.3 times as fast, with top-1 within 0.3 points of the original.",
      reasons: [
        "the drop of top-1 is below 0.3 points with 95 % confidence",
        "it is faster beyond the noise of the clock",
      ],
      metrics: [metric(0.9905, 2400), metric(0.9951, 2400, "agreement")],
      sizeRatio: 0.256,
      speedup: 2.31,
      trial: "t0",
    },
    trials: list,
    layers: Array.from({ length: layers }, (_, index) => layerOf(index)),
    ops: {
      before: { Conv: 53, Relu: 49, Add: 16, MatMul: 1, Softmax: 1 },
      after: { Conv: 53, Add: 16, MatMul: 1, Softmax: 1, QuantizeLinear: 21, DequantizeLinear: 128 },
    },
    graph: { nodes: nodesOf(nodes) },
  };
}

/** A search that ended before any trial. */
export function refusedReport(): Report {
  const report = richReport({ layers: 0, nodes: 0, trials: 1 });
  const { latency: _latency, peakMemoryBytes: _memory, ...model } = report.model;
  return {
    ...report,
    model,
    verdict: {
      good: false,
      line: "Nothing was found that is smaller or faster and as good.",
      reasons: ["the budget of 1 s was spent before the first candidate was made"],
      metrics: [],
    },
    trials: [],
    ops: { before: {}, after: {} },
  };
}

export const HOSTILE_NAMES = [
  "</script><script>globalThis.hacked = 1</script>",
  "<img src=x onerror='globalThis.hacked = 1'>",
  "<!--<script>",
  "\u202etxt.exe\u202c\u0000\u2028\u2029",
  "$& $1 $` __title__ __report__",
  "\ud800 half a character",
  "x".repeat(10_000),
  "",
  "__proto__",
  "&lt;b&gt;&quot;'\"",
];

/** Every text that comes from outside is one of the hostile names, over and over. */
export function hostileReport(): Report {
  let next = 0;
  const hostile = () => HOSTILE_NAMES[next++ % HOSTILE_NAMES.length]!;
  const report = richReport();
  report.model.name = hostile();
  report.model.inputs = HOSTILE_NAMES.map((name) => ({ name, dtype: hostile(), shape: [hostile(), 3] }));
  report.data.source = hostile();
  report.goal.metric = hostile();
  report.verdict.line = HOSTILE_NAMES[0]!;
  report.verdict.reasons = [...HOSTILE_NAMES];
  for (const trial of report.trials)
    Object.assign(trial, { label: hostile(), steps: [hostile(), hostile()], reason: hostile() });
  for (const layer of report.layers) {
    Object.assign(layer, { name: hostile(), opType: hostile(), reason: hostile(), treatment: hostile() });
    for (const range of layer.ranges ?? []) range.tensor = hostile();
  }
  for (const node of report.graph.nodes)
    Object.assign(node, {
      name: hostile(),
      opType: hostile(),
      inputs: [hostile(), hostile()],
      outputs: [hostile()],
    });
  // JSON and zod keep no key "__proto__".
  const opTypes = HOSTILE_NAMES.filter((name) => name !== "__proto__");
  report.ops.before = Object.fromEntries(opTypes.map((name, index) => [name, index]));
  report.ops.after = { constructor: 3, toString: 1 };
  return report;
}
