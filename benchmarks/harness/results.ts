import type { Contender } from "./contender.js";
import type { Machine } from "./machine.js";
import type { Measured } from "./measure.js";
import { rivals } from "./rivals.js";

/** One contender at one operation and size. A ratio is how many times as fast it is as the rival. */
export interface Row extends Omit<Contender, "run"> {
  operation: string;
  n: number;
  /** Nanoseconds for one call: the median of the samples, and the fastest of them. */
  nanoseconds: number;
  fastest: number;
  samples: number;
  /** Of the larger array, the float32 side. */
  gigabytesPerSecond: number;
  toNaive?: number;
  toJavaScript?: number;
  toOnnxruntime?: number;
  /** 1 is all that the memory gives to as many threads. */
  toLimit?: number;
}

export interface Results {
  date: string;
  machine: Machine;
  versions: Readonly<Record<string, string>>;
  /** Processes running or waiting over the last minute, before and after. */
  load: { before: number; after: number };
  rows: Row[];
}

/** The rows of one operation and size from all its trials; `bytes` is the size of the larger array. */
export function rowsOf(operation: string, n: number, bytes: number, trials: readonly Measured[][]): Row[] {
  const rows = trials[0]!.map((first, i): Row => {
    const all = trials.map((trial) => trial[i]!);
    const nanoseconds = median(all.map((each) => each.nanoseconds));
    return {
      operation,
      n,
      ...first,
      nanoseconds,
      fastest: Math.min(...all.map((each) => each.fastest)),
      samples: all.reduce((sum, each) => sum + each.samples, 0),
      gigabytesPerSecond: bytes / nanoseconds,
    };
  });
  return rows.map((row) => {
    const { naive, javascript, onnxruntime, limit } = rivals(rows, row.threads);
    return {
      ...row,
      ...(naive && { toNaive: naive.nanoseconds / row.nanoseconds }),
      ...(javascript && { toJavaScript: javascript.nanoseconds / row.nanoseconds }),
      ...(onnxruntime && { toOnnxruntime: onnxruntime.nanoseconds / row.nanoseconds }),
      ...(limit && { toLimit: limit.nanoseconds / row.nanoseconds }),
    };
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
