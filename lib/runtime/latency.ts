import type { OnProgress } from "../progress.js";
import type { ModelProcess } from "./model-process.js";
import type { Feeds } from "./protocol.js";
import type { Session } from "./session.js";

const WARMUP_RUNS = 10;
/** Short runs are repeated until this long and count as their mean: the clock and one interruption weigh too much in less. */
const TURN_MS = 1;
/** Rounds asked of the child at once: between them progress is told. */
const ROUNDS_AT_ONCE = 10;
/** Where the number of runs is left to us: enough of them to trust a 95th percentile, but not for ever. */
const MIN_RUNS = 30;
const MAX_RUNS = 500;
const ENOUGH_MS = 2000;
const TOO_LONG_MS = 20_000;

/** Milliseconds of one run; runs shorter than 1 ms are timed several at a time. */
export interface Latency {
  medianMs: number;
  p95Ms: number;
  minMs: number;
  meanMs: number;
  /** Standard deviation over mean; above 0.05 the machine was busy with other things. */
  cv: number;
}

export interface MeasureOptions {
  /** Timed runs; default: for two seconds, from 30 to 500, and fewer where those took 20 s. */
  runs?: number | undefined;
  /** Runs that are not timed; default 10. */
  warmup?: number | undefined;
  onProgress?: OnProgress | undefined;
}

/** Times every session on the same feeds, in turn; returns the milliseconds of each run, one list per session. */
export async function measureRuns(
  models: ModelProcess,
  sessions: readonly Session[],
  feeds: Feeds,
  { runs, warmup = WARMUP_RUNS, onProgress }: MeasureOptions,
): Promise<number[][]> {
  const times: number[][] = sessions.map(() => []);
  const start = performance.now();
  for (let done = 0; !enough(done, runs, performance.now() - start); ) {
    const rounds = Math.min(ROUNDS_AT_ONCE, (runs ?? MAX_RUNS) - done);
    const warmest = done === 0 ? warmup : 0;
    const measured = await models.time(sessions, feeds, { warmup: warmest, rounds, minMs: TURN_MS });
    for (const [i, list] of measured.entries()) times[i]!.push(...list);
    done += rounds;
    onProgress?.({ stage: "time", done, ...(runs !== undefined && { total: runs }) });
  }
  return times;
}

function enough(done: number, runs: number | undefined, elapsedMs: number): boolean {
  if (runs !== undefined) return done >= runs;
  return (
    done >= MAX_RUNS || (done >= MIN_RUNS && elapsedMs >= ENOUGH_MS) || (done > 0 && elapsedMs >= TOO_LONG_MS)
  );
}

/** The figures of a list of at least one time. */
export function summarize(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const meanMs = sorted.reduce((sum, time) => sum + time, 0) / sorted.length;
  const variance = sorted.reduce((sum, time) => sum + (time - meanMs) ** 2, 0) / sorted.length;
  return {
    medianMs: quantile(sorted, 0.5),
    p95Ms: quantile(sorted, 0.95),
    minMs: sorted[0]!,
    meanMs,
    cv: Math.sqrt(variance) / meanMs,
  };
}

/** Between the two nearest times. */
function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}
