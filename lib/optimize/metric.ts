import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelFormatError, ModelOperationError, outOfRange } from "../errors.js";
import { toNumbers } from "../runtime/numbers.js";
import type { Tensor } from "../tensor.js";

/** What one sample gave. */
export interface ScoredSample {
  /** Of the model that is scored, by name, without the axis of samples where batches have one. */
  outputs: Readonly<Record<string, Tensor>>;
  /** Of the original model. */
  reference: Readonly<Record<string, Tensor>>;
  label?: number | undefined;
  feeds: Readonly<Record<string, Tensor>>;
}

/** How good a model's answer to one sample is. */
export interface Metric {
  name: string;
  higherIsBetter: boolean;
  /** Whether it compares with labels; the others compare with the original model. */
  needsLabels: boolean;
  /** Whether it is the share of right answers, one among classes for each sample: flips of answers are what moves it. */
  countsAnswers?: boolean;
  score(sample: ScoredSample): number;
}

export interface Answer {
  values: ArrayLike<number>;
  /** Classes lie in the last axis: one row of them, or several, as for the tokens of a text. */
  classes: number;
}

/** The first output of floats, which holds the answer of nearly every model. */
export function answer(outputs: Readonly<Record<string, Tensor>>): Answer {
  const tensor = Object.values(outputs).find(({ dtype }) => dtype.startsWith("float"));
  if (tensor === undefined)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      "no output is of floats; give a metric of your own as a .mjs module",
    );
  const values = toNumbers(tensor);
  return { values, classes: tensor.shape.at(-1) ?? 1 };
}

/** How many values come before the label's, the largest first and of equals the first; NaN is no answer. */
function rankOf(label: number, { values, classes }: Answer): number {
  if (values.length !== classes)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `the first output of floats has ${values.length / classes} answers for a sample, so labels cannot judge it; give a metric of your own`,
    );
  if (!Number.isInteger(label) || label < 0 || label >= Math.max(2, classes))
    throw new ModelFormatError(
      "DATA_MISMATCH",
      `the label ${label} is none of the model's ${Math.max(2, classes)} classes`,
    );
  if (classes === 1) return Number(values[0]! > 0.5) === label ? 0 : 1;
  const own = values[label]!;
  if (Number.isNaN(own)) return Number.POSITIVE_INFINITY;
  let rank = 0;
  for (let i = 0; i < classes; i++) if (values[i]! > own || (values[i] === own && i < label)) rank++;
  return rank;
}

/** The first largest of a row; a row of one value is a probability, class 1 above a half. */
function classOf({ values, classes }: Answer, row: number): number {
  if (classes === 1) return Number(values[row]! > 0.5);
  let best = 0;
  for (let i = 1; i < classes; i++) if (values[row * classes + i]! > values[row * classes + best]!) best = i;
  return best;
}

function topK(k: number): Metric {
  return {
    name: `top-${k}`,
    higherIsBetter: true,
    needsLabels: true,
    countsAnswers: k === 1,
    score: ({ outputs, label }) => Number(rankOf(label!, answer(outputs)) < k),
  };
}

/** The share of answers that are the original's. */
const AGREEMENT: Metric = {
  name: "agreement",
  higherIsBetter: true,
  needsLabels: false,
  countsAnswers: true,
  score({ outputs, reference }) {
    const [ours, theirs] = [answer(outputs), answer(reference)];
    const rows = theirs.values.length / theirs.classes;
    let agreeing = 0;
    for (let row = 0; row < rows; row++) if (classOf(ours, row) === classOf(theirs, row)) agreeing++;
    return rows === 0 ? 1 : agreeing / rows;
  },
};

const COSINE: Metric = {
  name: "cosine",
  higherIsBetter: true,
  needsLabels: false,
  score({ outputs, reference }) {
    const [a, b] = [answer(outputs).values, answer(reference).values];
    let [dot, first, second] = [0, 0, 0];
    for (let i = 0; i < a.length; i++) {
      dot += a[i]! * b[i]!;
      first += a[i]! ** 2;
      second += b[i]! ** 2;
    }
    if (first === 0 || second === 0) return Number(first === second);
    return Math.min(1, dot / Math.sqrt(first * second));
  },
};

/** Mean absolute difference from the label where there are labels and one value, else from the original's values. */
const MEAN_ABSOLUTE_ERROR: Metric = {
  name: "mae",
  higherIsBetter: false,
  needsLabels: false,
  score({ outputs, reference, label }) {
    const { values } = answer(outputs);
    if (label !== undefined && values.length === 1) return Math.abs(values[0]! - label);
    const wanted = answer(reference).values;
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]! - wanted[i]!);
    return sum / values.length;
  },
};

const NAMED: readonly Metric[] = [topK(1), AGREEMENT, COSINE, MEAN_ABSOLUTE_ERROR];

/** Those that are named, else what suits the data; the first decides. Throws what openMetric throws, and DATA_MISMATCH. */
export async function openMetrics(names: readonly string[] = [], labelled: boolean): Promise<Metric[]> {
  const usual = labelled ? ["top-1", "agreement"] : ["agreement", "cosine"];
  const metrics = await Promise.all((names.length > 0 ? names : usual).map(openMetric));
  const judging = metrics.find(({ needsLabels }) => needsLabels);
  if (judging && !labelled)
    throw new ModelFormatError(
      "DATA_MISMATCH",
      `${judging.name} compares with labels, and the samples have none: name the tensor that holds them, or let each sample carry its own`,
    );
  return metrics;
}

/**
 * A metric by name (top-1, top-5 or any other top-k, agreement, cosine, mae) or from a module whose default export is
 * `(sample) => number`, on which `metricName`, `higherIsBetter` (default true) and `needsLabels` (default false) may be set.
 *
 * @throws RangeError for an unknown name, ModelFormatError FILE_UNREADABLE for a module that cannot be loaded
 */
export async function openMetric(name: string): Promise<Metric> {
  const named = NAMED.find((metric) => metric.name === name);
  if (named) return named;
  const k = /^top-([1-9]\d{0,5})$/.exec(name)?.[1];
  if (k !== undefined) return topK(Number(k));
  if (!name.endsWith(".mjs"))
    throw outOfRange("top-1, top-5, agreement, cosine, mae or the path of a .mjs module", "metric", name);
  if (!existsSync(name))
    throw new ModelFormatError("FILE_UNREADABLE", "there is no such file", { path: name });
  let score: unknown;
  try {
    ({ default: score } = await import(pathToFileURL(resolve(name)).href));
  } catch (cause) {
    throw new ModelFormatError("FILE_UNREADABLE", (cause as Error).message, { path: name, cause });
  }
  if (typeof score !== "function")
    throw new ModelFormatError("DATA_MISMATCH", "the default export of a metric must be a function", {
      path: name,
    });
  const {
    metricName = name,
    higherIsBetter = true,
    needsLabels = false,
  } = score as Partial<Metric> & {
    metricName?: string;
  };
  return { name: metricName, higherIsBetter, needsLabels, score: score as Metric["score"] };
}
