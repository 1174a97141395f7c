import type { ModelSummary } from "../graph/inspect-model.js";
import type { Candidate, Step } from "./candidate.js";
import { costOf, type Goal, isLikely, ranked, type Wanted } from "./gate.js";
import type { ReportTrial } from "./report.js";

/** What of a model decides which candidates are worth a trial. */
export interface Profile {
  /** Whether scales of channels take more than a few hundredths of it when its weights have 8 bits. */
  isSmall: boolean;
  convolutions: number;
  /** MatMul, Gemm and Attention. */
  products: number;
  recurrent: number;
  normalizations: number;
}

const SMALL_BYTES = 1e6;

export function profileOf({ ops, size }: Pick<ModelSummary, "ops" | "size">): Profile {
  const count = (pattern: RegExp) =>
    Object.entries(ops).reduce((sum, [op, n]) => (pattern.test(op) ? sum + n : sum), 0);
  return {
    isSmall: size < SMALL_BYTES,
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
const ONE_SCALE = quantize({ mode: "weights", perChannel: false, weightScales: "mse" });
const ONE_SCALE_DYNAMIC = quantize({ mode: "dynamic", perChannel: false });
const REPAIRED = quantize({ mode: "static", rounding: "compensated", correctBias: "empirical" });

/**
 * The ways that each stand for a family, the most promising first: what they do to this kind of model tells which refinements
 * are worth their time.
 */
export function firstCandidates(
  { isSmall, convolutions, products, recurrent }: Profile,
  goal: Goal,
): Candidate[] {
  const found: Candidate[] = [];
  if (convolutions + products > 0) found.push({ label: "int8 static", steps: [STATIC] });
  // onnxruntime's dynamic convolution is many times slower than the one in float.
  if (recurrent > 0 || (products > 0 && products >= convolutions))
    found.push({ label: "int8 dynamic", steps: [quantize({ mode: "dynamic" })] });
  // With one scale onnxruntime's recurrent layers are a fifth faster (measured, spam_lstm).
  if (recurrent > 0) found.push({ label: "int8 dynamic, one scale each", steps: [ONE_SCALE_DYNAMIC] });
  found.push({ label: "int8 weights", steps: [quantize({ mode: "weights" })] });
  if (isSmall) found.push({ label: "int8 weights, one scale each", steps: [ONE_SCALE] });
  if (products > 0)
    found.push({ label: "4-bit weights", steps: [quantize({ mode: "weights", bits: 4, blockSize: 32 })] });
  found.push({ label: "float16", steps: [quantize({ mode: "float16" })] });
  if (goal === "size") found.sort((a, b) => Number(isWeights(b)) - Number(isWeights(a)));
  return found;
}

function isWeights({ steps }: Candidate): boolean {
  return steps.some(({ options }) => "mode" in options && options.mode === "weights");
}

/**
 * Rounds of refinements, each worth trying only while those before it moved the front. What is proposed depends on what came of
 * the rounds before it.
 */
export function* refinements(
  { products, convolutions, normalizations }: Profile,
  trials: () => readonly ReportTrial[],
  wanted: Wanted,
): Generator<Candidate[]> {
  const found = trials().find(({ label }) => label === "int8 static");
  const isInt8 = found !== undefined && found.status !== "failed";
  const isLossy = isInt8 && !isLikely(found);
  const repairs: Candidate[] = [
    { label: "int8 static, repaired", steps: [REPAIRED] },
    { label: "int8 static, minmax ranges", steps: [quantize({ mode: "static", calibrate: "minmax" })] },
  ];
  if (normalizations > 0)
    repairs.push({ label: "int8 static, smoothed", steps: [quantize({ mode: "static", smooth: true })] });
  if (isLossy) yield repairs;
  if (isLossy && (found.metrics[0]?.drop ?? 1) > wanted.maxDrop) {
    yield [30, 40].map((minSqnr) => ({
      label: `int8 static, sensitive nodes in float (${minSqnr} dB)`,
      steps: [quantize({ mode: "static", minSqnr })],
    }));
    yield (["percentile", "entropy"] as const).map((calibrate) => ({
      label: `int8 static, ${calibrate} ranges`,
      steps: [quantize({ mode: "static", calibrate })],
    }));
  }
  if (convolutions + products > 0) yield* fewerChannels(trials, wanted);
  if (isInt8 && !isLossy) yield repairs;
}

/** Takes out a quarter of the channels before the step that did best, and then more or fewer, as that held. */
function* fewerChannels(trials: () => readonly ReportTrial[], wanted: Wanted): Generator<Candidate[]> {
  const best = firstOfBest(trials(), wanted);
  const then = best ? stepsOf(best) : [];
  const withFewer = (share: number): Candidate => ({
    label: [`${100 * share} % fewer channels`, ...(best ? [best.label] : [])].join(", "),
    steps: [channels(share), ...then],
  });
  const holds = (candidate: Candidate) => {
    const trial = trials().find(({ label }) => label === candidate.label);
    return trial?.status === "failed" ? undefined : trial !== undefined && isLikely(trial);
  };
  const quarter = withFewer(0.25);
  yield [quarter];
  const isGood = holds(quarter);
  if (isGood === undefined) return;
  const next = withFewer(isGood ? 0.5 : 0.125);
  yield [next];
  if (holds(next) === false) yield [withFewer(isGood ? 0.375 : 0.0625)];
}

const SIMILAR_COST = 1.25;

/** Of those that cost about as little as the best, the one tried first: times vary, and what is proposed should not. */
function firstOfBest(trials: readonly ReportTrial[], wanted: Wanted): ReportTrial | undefined {
  const good = ranked(trials, wanted);
  const cost = (trial: ReportTrial) => costOf(trial, wanted);
  return trials.find((trial) => good.includes(trial) && cost(trial) <= SIMILAR_COST * cost(good[0]!));
}

/** The steps that a trial tells of. */
function stepsOf({ options }: ReportTrial): Step[] {
  return options.map(({ operation, ...rest }) => ({ operation, options: rest }) as Step);
}
