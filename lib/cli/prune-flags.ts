import type { PruneScope, PruneScore, PruneStorage } from "../compress/prune/options.js";
import type { PruneRepair } from "../compress/prune/repair/repairs.js";
import type { ChannelScore } from "../compress/structured/options.js";
import type { DatasetSource } from "../data/open-dataset.js";
import type { ModelComparison } from "../runtime/compare-models.js";
import type { DataOptions } from "./data-options.js";
import { milliseconds } from "./format.js";
import type { SharedOptions } from "./verb.js";

/** What prune is told, of values and of channels. */
export interface PruneFlags {
  output: string;
  sparsity?: number;
  pattern: string;
  scope: PruneScope;
  score?: PruneScore | ChannelScore;
  storage: PruneStorage;
  repair?: PruneRepair[] | undefined;
  data?: DatasetSource | undefined;
  samples?: number;
  threads?: number;
  time: boolean;
  overrides?: string;
  include?: string[];
  exclude?: string[];
  embeddings?: boolean;
  minSize?: number;
  saveMasks?: string;
  roundTo?: number;
  minKept?: number;
}

/** The same as it stands on the command line. */
export interface PruneCommandOptions
  extends SharedOptions,
    DataOptions,
    Omit<PruneFlags, "output" | "data" | "repair" | "time" | "threads"> {
  output?: string;
  sensitivity?: boolean;
  masks?: string;
  repair?: PruneRepair[] | false;
  time?: boolean;
}

/** The flag of an option: --min-size for minSize. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function latencyLines(latency: ModelComparison["latency"]): string[] {
  if (latency === undefined) return [];
  const { reference, candidate, speedup } = latency;
  const times = `${milliseconds(reference.medianMs)} -> ${milliseconds(candidate.medianMs)}`;
  return [`measured in onnxruntime, 1 sample, 1 thread: ${times} (${speedup.toFixed(2)} times as fast)`];
}
