// What no cache holds, against the memory's limit, and two threads against one.
import type { Row } from "../harness/results.js";
import { rivals } from "../harness/rivals.js";
import { type Figure, named } from "./figure.js";
import { measureRows, ratio } from "./measured.js";

const N = 2 ** 26;
const TWO_THREADS = 1.6;

interface Asked {
  file: string;
  name: string;
  /** Of the limit of the group. */
  ofLimit: number;
}

interface Group {
  /** How the limit moves bytes, and who reads and writes in that proportion. */
  limit: string;
  /** The limit is measured on the arrays of the first one. */
  operations: readonly Asked[];
}

const GROUPS: readonly Group[] = [
  {
    limit: "4 bytes read, 1 written",
    operations: [
      { file: "quantize-linear", name: "quantizeLinear", ofLimit: 0.9 },
      { file: "dynamic-quantize-linear", name: "dynamicQuantizeLinear", ofLimit: 0.45 },
      { file: "blockwise", name: "quantizeBlockwise 4 bits", ofLimit: 0.6 },
    ],
  },
  {
    limit: "1 byte read, 4 written",
    operations: [{ file: "dequantize-linear", name: "dequantizeLinear", ofLimit: 0.8 }],
  },
  { limit: "bytes read", operations: [{ file: "min-max", name: "minMax", ofLimit: 0.9 }] },
];

export function largeFigures(): Figure[] {
  return GROUPS.flatMap(({ limit, operations }) => {
    const parts = operations.map(({ file, name }, i) => ({
      file,
      name,
      n: N,
      kinds: i === 0 ? (["backend", "limit"] as const) : (["backend"] as const),
    }));
    const rows = measureRows(parts, { threads: [1, 2] });
    const alone = rivals(rows[0]!, 1).limit!;
    const together = rivals(rows[0]!, 2).limit!;
    return operations.flatMap(({ name, ofLimit }, i) => {
      const [ours, ours2] = ofThreads(rows[i]!);
      const gained = ratio(together, alone);
      return [
        {
          what: `${named(name, N)}: of the limit, ${limit}`,
          asked: ofLimit,
          measured: ratio(ours, alone),
          note: `${ours.gigabytesPerSecond.toFixed(1)} of ${alone.gigabytesPerSecond.toFixed(1)} GB/s`,
        },
        {
          what: `${named(name, N)}: two threads against one`,
          asked: Math.min(TWO_THREADS, gained),
          measured: ratio(ours2, ours),
          note: `memory allows ${gained.toFixed(2)}`,
        },
      ];
    });
  });
}

/** The best backend on one thread and on two. */
function ofThreads(rows: readonly Row[]): [Row, Row] {
  const of = (count: number) => rows.find(({ kind, threads }) => kind === "backend" && threads === count)!;
  return [of(1), of(2)];
}
