import { z } from "zod/mini";

// What `modelpress optimize` writes as report.json, and what the page and `explain` are made of. The comments beside the fields are
// the descriptions of dist/report.schema.json too.

const count = z.int().check(z.nonnegative());
const amount = z.number().check(z.nonnegative());
/** JSON has no infinity: null stands for it, where two things are equal. */
const decibels = z.nullable(z.number());

const latency = z.object({
  /** Milliseconds of one run on one sample. */
  medianMs: amount,
  p95Ms: amount,
  /** Standard deviation over mean. */
  cv: amount,
});

/** Both timed in turn, on one sample. */
const timedPair = z.object({
  original: latency,
  candidate: latency,
  speedup: amount,
  /** The speedup lies between these with 95 % confidence. */
  interval: z.optional(z.tuple([amount, amount])),
});

const metricValue = z.object({
  name: z.string(),
  /** Whether larger values are better. */
  higherIsBetter: z.boolean(),
  original: z.number(),
  candidate: z.number(),
  /** How much worse the candidate is, in the metric's unit: below 0 where it is better. */
  drop: z.number(),
  /** The drop lies between these with 95 % confidence. */
  interval: z.tuple([z.number(), z.number()]),
  samples: count,
});

const range = z.object({
  tensor: z.string(),
  min: z.number(),
  max: z.number(),
  scale: z.number(),
  zeroPoint: z.number(),
  dtype: z.string(),
  sqnrDb: decibels,
});

const histogram = z.object({
  min: z.number(),
  max: z.number(),
  /** Weights in bins of equal width from min to max. */
  counts: z.array(count),
  /** The quantization grid over them where it is one for the whole weight: distance of its steps. */
  step: z.optional(amount),
  /** Where each channel has a grid of its own: the steps of the finest and of the coarsest. */
  steps: z.optional(z.tuple([amount, amount])),
});

const layer = z.object({
  name: z.string(),
  opType: z.string(),
  /** What became of it: int8, weights int8, weights int4, float16, float, merged or pruned. */
  treatment: z.string(),
  /** Why, in plain words. */
  reason: z.string(),
  /** Bytes of its own initializers before and after. */
  bytes: z.object({ before: count, after: count }),
  /** Signal to noise of the outputs when this node alone is treated so, where it was measured. */
  sqnrDb: z.optional(decibels),
  /** Signal to noise of its weight alone. */
  weightSqnrDb: z.optional(decibels),
  weights: z.optional(histogram),
  /** Share of zeros among its weights in the result. */
  sparsity: z.optional(z.number()),
  /** The same in blocks of the weight: rows of output channels by columns of the rest, from the top left, row by row. */
  zeros: z.optional(z.object({ rows: count, cols: count, shares: z.array(z.number()) })),
  ranges: z.optional(z.array(range)),
});

/** One candidate that was tried. */
export const trialSchema = z.object({
  id: z.string(),
  label: z.string(),
  /** What is done to the model, one step after the other, in plain words. */
  steps: z.array(z.string()),
  /** The call that makes the model again: options of quantizeModel and pruneModel. */
  options: z.array(z.record(z.string(), z.unknown())),
  status: z.enum(["measured", "stopped early", "failed"]),
  /** Why it was stopped, or what failed. */
  reason: z.optional(z.string()),
  sizeBytes: z.optional(count),
  latency: z.optional(timedPair),
  /** Bytes of memory at the peak of a process that loads and runs the model. */
  peakMemoryBytes: z.optional(count),
  /** On the samples that candidates were chosen by. */
  metrics: z.array(metricValue),
  /** Where each sample has one answer among classes: how likely it is to become wrong, and to become right. */
  flips: z.optional(z.object({ lost: amount, gained: amount })),
  /** How likely it is to hold the limit on the samples that no choice saw. */
  chance: z.optional(amount),
  /** Not beaten by any other in accuracy, latency and size at once. */
  onFront: z.boolean(),
  seconds: amount,
  /** Where the model lies in the output folder, for those that are kept. */
  file: z.optional(z.string()),
});

const graphNode = z.object({
  name: z.string(),
  opType: z.string(),
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  /** int8, int4, float16 or float32. */
  precision: z.string(),
  sqnrDb: z.optional(decibels),
});

const value = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.optional(z.array(z.union([z.number(), z.string()]))),
});

export const reportSchema = z.object({
  version: z.literal(1),
  tool: z.object({ name: z.literal("modelpress"), version: z.string() }),
  date: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: count,
    platform: z.string(),
    node: z.string(),
    onnxruntime: z.string(),
    threads: count,
  }),
  model: z.object({
    name: z.string(),
    sizeBytes: count,
    parameters: count,
    inputs: z.array(value),
    outputs: z.array(value),
    latency: z.optional(latency),
    peakMemoryBytes: z.optional(count),
  }),
  data: z.object({
    /** The file's name, "in memory", or "random (seeded)". */
    source: z.string(),
    labelled: z.boolean(),
    /** Samples for each use; no sample has two. */
    parts: z.object({ calibration: count, selection: count, verdict: count }),
  }),
  goal: z.object({
    goal: z.enum(["latency", "size", "balanced"]),
    metric: z.string(),
    maxDrop: amount,
    budgetSeconds: amount,
    spentSeconds: amount,
    /** Why the search ended. */
    ended: z.string(),
  }),
  verdict: z.object({
    good: z.boolean(),
    /** One line that says it all. */
    line: z.string(),
    reasons: z.array(z.string()),
    /** On the samples that no choice saw; absent where there is no result. */
    metrics: z.array(metricValue),
    sizeRatio: z.optional(amount),
    speedup: z.optional(amount),
    /** Of the run that the verdict rests on; absent, that of the trial stands. */
    latency: z.optional(z.object({ original: latency, candidate: latency })),
    trial: z.optional(z.string()),
  }),
  trials: z.array(trialSchema),
  /** Of the result, or of the best candidate where nothing was good; in the order of the graph. */
  layers: z.array(layer),
  ops: z.object({ before: z.record(z.string(), count), after: z.record(z.string(), count) }),
  graph: z.object({ nodes: z.array(graphNode) }),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportTrial = Report["trials"][number];
export type ReportLayer = Report["layers"][number];
export type MetricValue = z.infer<typeof metricValue>;
