import { type Comparison, comparisons, LARGE } from "./comparison.js";
import type { Results } from "./results.js";
import { formatSize } from "./sizes.js";

/** The results as the README shows them: what a small call costs, then a table for each larger size. */
export function markdown(results: Results): string {
  const all = comparisons(results);
  const sizes = [...new Set(all.map(({ n }) => n))];
  const small = sizes.filter((n) => n < LARGE);
  const parts = [
    conditions(results, all),
    ...(small.length > 0 ? [calls(all, small)] : []),
    ...sizes.filter((n) => n >= LARGE).map((n) => speeds(all, n)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function conditions({ machine, versions, date }: Results, all: readonly Comparison[]): string {
  const backends = [...new Set(all.map(({ ours }) => ours.name))].join(", ");
  const ort = versions["onnxruntime-node"] ? `, onnxruntime-node ${versions["onnxruntime-node"]}` : "";
  return `${backends} on ${machine.cpu}, Node ${versions.node}${ort}, ${date.slice(0, 10)}: one thread, outputs reused.`;
}

function calls(all: readonly Comparison[], sizes: readonly number[]): string {
  const timed = all.filter(({ n }) => sizes.includes(n));
  const operations = [...new Set(timed.map(({ operation }) => operation))];
  const cell = (operation: string, n: number) => {
    const found = all.find((each) => each.operation === operation && each.n === n);
    return found
      ? [nanoseconds(found.ours.nanoseconds), nanoseconds(found.onnxruntime?.nanoseconds)]
      : ["", ""];
  };
  return table(
    ["a call, ns", ...sizes.flatMap((n) => [`${formatSize(n)} values`, "onnxruntime-node"])],
    operations.map((operation) => [operation, ...sizes.flatMap((n) => cell(operation, n))]),
  );
}

function speeds(all: readonly Comparison[], n: number): string {
  const found = all.filter((each) => each.n === n);
  const threads = [...new Set(found.flatMap(({ threaded }) => threaded.map((row) => row.threads)))];
  return table(
    [
      `${formatSize(n)} values`,
      "GB/s",
      "of the limit",
      "x best JavaScript",
      "x naive JavaScript",
      "x onnxruntime-node",
      ...threads.map((count) => `${count} threads`),
    ],
    found.map(({ operation, ours, threaded }) => [
      operation,
      ours.gigabytesPerSecond.toFixed(1),
      ours.toLimit?.toFixed(2) ?? "",
      factor(ours.toJavaScript),
      factor(ours.toNaive),
      factor(ours.toOnnxruntime),
      ...threads.map((count) => {
        const row = threaded.find((each) => each.threads === count);
        return row ? `${(ours.nanoseconds / row.nanoseconds).toFixed(2)}x` : "";
      }),
    ]),
  );
}

function factor(value: number | undefined): string {
  return value === undefined ? "" : `${value < 10 ? value.toFixed(1) : value.toFixed(0)}x`;
}

function nanoseconds(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en", { maximumFractionDigits: 0 });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${head.map((_, i) => (i === 0 ? "---" : "--:")).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
