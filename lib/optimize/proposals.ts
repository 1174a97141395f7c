import type { ModelSummary } from "../graph/inspect-model.js";
import type { Candidate, Step } from "./candidate.js";
import type { ReportTrial } from "./report.js";

export type Goal = "latency" | "size" | "balanced";

/** What of a model decides which candidates are worth a trial. */
export interface Profile {
  convolutions: number;
  /** MatMul, Gemm and Attention. */
  products: number;
  recurrent: number;
  normalizations: number;
}

export function profileOf({ ops }: Pick<ModelSummary, "ops">): Profile {
  const count = (pattern: RegExp) =>
    Object.entries(ops).reduce((sum, [op, n]) => (pattern.test(op) ? sum + n : sum), 0);
  return {
    convolutions: count(/^Conv/),
    products: count(/^(MatMul|Gemm|com\.microsoft\.(Attention|FusedMatMul|FusedGemm))$/),
    recurrent: count(/^(LSTM|GRU|RNN)$/),
    normalizations: count(/^(com\.microsoft\.)?(Skip)?(LayerNormalization|SimplifiedLayerNormalization)$/),
  };
}

const quantize = (options: Extract<Step, { operation: "quantize" }>["options"]): Step => ({
  operation: "quantize",
  options,
});
const channels = (sparsity: number): Step => ({
  operation: "prune",
  options: { pattern: "channel", sparsity },
});

const STATIC = quantize({ mode: "static" });
const REPAIRED = quantize({ mode: "static", rounding: "compensated", correctBias: "empirical" });

/**
 * The ways that each stand for a family, the most promising first: what they do to this kind of model tells which refinements
 * are worth their time.
 */
export function firstCandidates({ convolutions, products, recurrent }: Profile, goal: Goal): Candidate[] {
  const found: Candidate[] = [];
  if (convolutions + products > 0) found.push({ label: "int8 static", steps: [STATIC] });
  // onnxruntime's dynamic convolution is many times slower than the one in float.
  if (recurrent > 0 || (products > 0 && products >= convolutions))
    found.push({ label: "int8 dynamic", steps: [quantize({ mode: "dynamic" })] });
  found.push({ label: "int8 weights", steps: [quantize({ mode: "weights" })] });
  if (products > 0)
    found.push({ label: "4-bit weights", steps: [quantize({ mode: "weights", bits: 4, blockSize: 32 })] });
  found.push({ label: "float16", steps: [quantize({ mode: "float16" })] });
  if (goal === "size") found.sort((a, b) => Number(isWeights(b)) - Number(isWeights(a)));
  return found;
}

function isWeights({ steps }: Candidate): boolean {
  return steps.some(({ options }) => "mode" in options && options.mode === "weights");
}

/** Rounds of refinements, each worth trying only while those before it moved the front. */
export function refinements(
  { products, convolutions, normalizations }: Profile,
  trials: readonly ReportTrial[],
  maxDrop: number,
): Candidate[][] {
  const found = trials.find(({ label }) => label === "int8 static");
  if (found === undefined || found.status === "failed") return pruned(undefined);
  const drop = found.metrics[0]?.drop ?? Number.POSITIVE_INFINITY;
  const repairs: Candidate[] = [
    { label: "int8 static, repaired", steps: [REPAIRED] },
    { label: "int8 static, minmax ranges", steps: [quantize({ mode: "static", calibrate: "minmax" })] },
  ];
  if (normalizations > 0)
    repairs.push({ label: "int8 static, smoothed", steps: [quantize({ mode: "static", smooth: true })] });
  const mixtures: Candidate[] = [30, 40].map((minSqnr) => ({
    label: `int8 static, sensitive nodes in float (${minSqnr} dB)`,
    steps: [quantize({ mode: "static", minSqnr })],
  }));
  const ranges: Candidate[] = (["percentile", "entropy"] as const).map((calibrate) => ({
    label: `int8 static, ${calibrate} ranges`,
    steps: [quantize({ mode: "static", calibrate })],
  }));
  const isLossy = !(drop <= maxDrop / 2);
  const speed = convolutions + products > 0 ? pruned(isLossy ? REPAIRED : STATIC) : [];
  return isLossy ? [repairs, mixtures, ranges, ...speed] : [...speed, repairs];
}

/** Fewer channels, with and without int8 afterwards. */
function pruned(then: Step | undefined): Candidate[][] {
  return [0.25, 0.5].map((sparsity) => {
    const label = `${100 * sparsity} % fewer channels`;
    return then
      ? [{ label: `${label}, int8 static`, steps: [channels(sparsity), then] }]
      : [{ label, steps: [channels(sparsity)] }];
  });
}
