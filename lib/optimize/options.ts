import type { DatasetSource } from "../data/open-dataset.js";
import { outOfRange } from "../errors.js";
import type { OnProgress } from "../progress.js";
import type { OptimizeEvent } from "./events.js";
import type { Goal } from "./gate.js";
import type { Report } from "./report.js";

export interface OptimizeOptions {
  /** The folder for the result, the candidates worth a look, the report and the trials; made where it is missing. */
  output: string;
  /**
   * Samples: a .safetensors, .npz or .mjs path, or an iterable of { feeds, label? } that can be read again. A quarter calibrates, and the
   * rest is shared by choosing and judging, so some hundreds are wanted.
   */
  data: DatasetSource;
  /** The tensor of class labels in a .safetensors or .npz file; other samples carry their own. */
  labels?: string | undefined;
  /** How much worse the metric may become, in its own unit. Default 0.003: 0.3 points of accuracy. */
  maxDrop?: number | undefined;
  /** What is wanted most. balanced weighs time and size alike. Default balanced. */
  goal?: Goal | undefined;
  /**
   * Seconds for the whole search, the verdict included: no trial begins that, by the time of those before it, would end too late for
   * that. One is always tried. Default 300.
   */
  budgetSeconds?: number | undefined;
  /**
   * The first decides, others are told: top-1 or another top-k (with labels), agreement with the original, cosine, mae, or the path
   * of a .mjs module whose default export scores a sample. Default top-1 with labels, else agreement where the answer is a choice
   * among classes.
   */
  metrics?: readonly string[] | undefined;
  /**
   * Other layouts to write the result in: triton, a model repository of the Triton Inference Server; transformersjs, the folder that
   * transformers.js loads.
   */
  exports?: readonly ExportLayout[] | undefined;
  /**
   * URL of a Redis server whose workers (`modelpress worker`) run the trials, several at once; needs the packages bullmq and
   * ioredis. Model, samples and output folder must lie under the same paths for all. Default: processes of this machine.
   */
  queue?: string | undefined;
  /** Threads of each model. Default 1, so that times mean the same on every machine. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  /** Told what is begun and what came of it. */
  onEvent?: ((event: OptimizeEvent) => void) | undefined;
}

export type ExportLayout = "triton" | "transformersjs";

export interface OptimizeResult {
  /** The result, where the gate was met. */
  model?: string;
  /** What was tried and found; also in report.json. */
  report: Report;
}

export interface OptimizeSettings {
  readonly maxDrop: number;
  readonly goal: Goal;
  readonly budgetSeconds: number;
  readonly threads: number;
}

const LAYOUTS: readonly ExportLayout[] = ["triton", "transformersjs"];
const GOALS: readonly Goal[] = ["latency", "size", "balanced"];
const MAX_DROP = 0.003;
const BUDGET_SECONDS = 300;

/** Checks options that come from outside TypeScript and fills in defaults. Throws RangeError naming the option. */
export function optimizeSettings(options: OptimizeOptions): OptimizeSettings {
  const { maxDrop = MAX_DROP, goal = "balanced", budgetSeconds = BUDGET_SECONDS, threads = 1 } = options;
  if (!GOALS.includes(goal)) throw outOfRange(`one of ${GOALS.join(", ")}`, "goal", goal);
  const unknown = options.exports?.find((layout) => !LAYOUTS.includes(layout));
  if (unknown !== undefined) throw outOfRange(`one of ${LAYOUTS.join(", ")}`, "exports", unknown);
  if (!(maxDrop >= 0 && Number.isFinite(maxDrop))) throw outOfRange("a number from 0", "maxDrop", maxDrop);
  if (!(budgetSeconds > 0)) throw outOfRange("a number above 0", "budgetSeconds", budgetSeconds);
  if (!(Number.isSafeInteger(threads) && threads >= 1))
    throw outOfRange("an integer from 1", "threads", threads);
  return { maxDrop, goal, budgetSeconds, threads };
}
