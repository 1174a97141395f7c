import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Work } from "./benchmark.js";
import type { Contender } from "./contender.js";

interface Loop {
  name: string;
  reads: number;
  writes: number;
  /** Counts what it reads: y are its counters, 8 bytes for each. */
  counts: boolean;
  run(x: Uint8Array, y: Uint8Array, threads: number): number;
}

interface Addon {
  loops: readonly Loop[];
  nothing(...args: unknown[]): void;
}

// build/benchmarks/limits.node, seen from the compiled file in build/benchmarks/benchmarks/harness.
const ADDON = fileURLToPath(new URL("../../limits.node", import.meta.url));
/** In smaller arrays the loops are over before the call itself is. */
const LEAST_BYTES = 4096;
/** In smaller ones it takes longer to start threads than to move the bytes. */
const LEAST_THREADED_BYTES = 2 ** 22;
/** An input so many times as large as the output makes that a small result: a range, a histogram. */
const SMALL = 16;

/**
 * The ways that move the work's own arrays in the proportion of its reads and writes, or that count as many values, each a contender:
 * the fastest is the limit. Empty where the addon is not built.
 */
export function limits({ input, output, counters }: Work, threads: readonly number[]): Contender[] {
  if (!existsSync(ADDON)) return [];
  const addon: Addon = createRequire(import.meta.url)(ADDON);
  const x = bytesOf(input);
  const y = output ? bytesOf(output) : new Uint8Array();
  const empty: Contender = {
    kind: "empty call",
    name: "empty native call",
    threads: 1,
    run: () => addon.nothing(x, y, 0, 0),
  };
  const alike = counters
    ? addon.loops.filter(({ counts }) => counts)
    : nearest(
        addon.loops.filter(({ counts }) => !counts),
        x.length,
        y.length,
      );
  const to = counters ? new Uint8Array(8 * 2 ** Math.ceil(Math.log2(counters))) : y;
  const length = Math.max(x.length, y.length);
  const counts = [1, ...threads.filter((count) => count > 1 && length >= LEAST_THREADED_BYTES)];
  const loops = alike.flatMap(({ name, run }) =>
    counts.map(
      (count): Contender => ({
        kind: "limit",
        name: count === 1 ? name : `${name}, ${count} threads`,
        threads: count,
        run: () => run(x, to, count),
      }),
    ),
  );
  return length < LEAST_BYTES ? [empty] : [empty, ...loops];
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Loops whose reads and writes are most nearly as these bytes. A small result of a large array is as good as none. */
function nearest(loops: readonly Loop[], read: number, written: number): Loop[] {
  if (read > SMALL * written) return loops.filter(({ writes }) => writes === 0);
  const distance = ({ reads, writes }: Loop) => Math.abs(Math.log((read / written) * (writes / reads)));
  const least = Math.min(...loops.map(distance));
  return loops.filter((loop) => distance(loop) === least);
}
