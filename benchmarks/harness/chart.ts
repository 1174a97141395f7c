import { type Comparison, comparisons, LARGE } from "./comparison.js";
import type { Results, Row } from "./results.js";
import { formatSize } from "./sizes.js";

const NAMES = 190;
const PLOT = 400;
const PANEL = PLOT + 110; // with the numbers at the ends of the bars
const BAR = 13;
const GROUP_GAP = 10;
const HEAD = 88;
const FOOT = 30;
const MARGIN = 20;
const NUMBER = 34; // the width of one, with a space before it

const SERIES = [
  { key: "ours", label: "modelpress", style: "ours" },
  { key: "onnxruntime", label: "onnxruntime-node", style: "ort" },
  { key: "javascript", label: "best JavaScript", style: "js" },
  { key: "naive", label: "naive JavaScript", style: "naive" },
] as const;

const STYLE = `
  svg { font: 12px system-ui, sans-serif; background: #fff; }
  text { fill: #1f2328; } .quiet { fill: #59636e; } .number { fill: #59636e; font-size: 11px; } .title { font-size: 15px; font-weight: 600; } .end { text-anchor: end; }
  .ours { fill: #0b6bcb; } .ort { fill: #c2570c; } .js { fill: #6b7684; } .naive { fill: #b3bac3; }
  .limit { stroke: #1f2328; stroke-width: 2; } .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #e6edf3; } .quiet, .number { fill: #9198a1; }
    .ours { fill: #4ea1ff; } .ort { fill: #f0883e; } .js { fill: #8b949e; } .naive { fill: #565e68; }
    .limit { stroke: #e6edf3; } .axis { stroke: #30363d; }
  }`;

/** Bars of gigabytes per second for each operation, a panel for each large size; self-contained SVG for light and dark pages. */
export function chart(results: Results): string {
  const all = comparisons(results).filter(({ n }) => n >= LARGE);
  const sizes = [...new Set(all.map(({ n }) => n))];
  const operations = [...new Set(all.map(({ operation }) => operation))];
  const tops = layOut(operations, all);
  const bottom = tops.at(-1)!;
  const width = 2 * MARGIN + NAMES + PANEL * Math.max(1, sizes.length);
  const height = bottom + FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>Speed of modelpress and others, in gigabytes per second</title><style>${STYLE}\n</style>`,
    text(MARGIN, 26, "Gigabytes per second, one thread, outputs reused (longer is faster)", "title"),
    legend(),
    ...operations.map((name, i) => text(MARGIN + NAMES - 10, tops[i]! + BAR, name, "end")),
    ...sizes.flatMap((n, i) => panel(all, operations, tops, n, MARGIN + NAMES + i * PANEL)),
    text(MARGIN, height - 10, source(results), "quiet"),
    "</svg>\n",
  ].join("\n");
}

/** Where each operation begins, and where the last one ends: as many bars as any size has. */
function layOut(operations: readonly string[], all: readonly Comparison[]): number[] {
  const tops = [HEAD];
  for (const operation of operations) {
    const bars = all.filter((each) => each.operation === operation).map((each) => barsOf(each).length);
    tops.push(tops.at(-1)! + Math.max(...bars) * BAR + GROUP_GAP);
  }
  return tops;
}

function barsOf(comparison: Comparison): { row: Row; style: string }[] {
  return SERIES.flatMap(({ key, style }) => {
    const row = comparison[key];
    // Where what people write is the fastest JavaScript, one bar says it.
    const repeated = key === "naive" && row === comparison.javascript;
    return row && !repeated ? { row, style } : [];
  });
}

function panel(
  all: readonly Comparison[],
  operations: readonly string[],
  tops: readonly number[],
  n: number,
  left: number,
): string[] {
  const found = all.filter((each) => each.n === n);
  const fastest = Math.max(
    ...found.flatMap(({ ours, limit }) => [ours.gigabytesPerSecond, limit?.gigabytesPerSecond ?? 0]),
  );
  const x = (gigabytes: number) => round(left + (gigabytes / fastest) * PLOT);
  return [
    text(left, HEAD - 12, `${formatSize(n)} values`, "quiet"),
    `<line class="axis" x1="${left}" y1="${HEAD - 4}" x2="${left}" y2="${tops.at(-1)! - GROUP_GAP + 4}"/>`,
    ...found.flatMap((comparison) => {
      const top = tops[operations.indexOf(comparison.operation)]!;
      const limitAt = comparison.limit ? x(comparison.limit.gigabytesPerSecond) : 0;
      const mark = comparison.limit ? [limitMark(limitAt, top - 1, top + BAR - 1)] : [];
      const bars = barsOf(comparison).map(({ row, style }, i) => {
        const y = top + i * BAR;
        const end = x(row.gigabytesPerSecond);
        return [
          `<rect class="${style}" x="${left}" y="${y}" width="${round(Math.max(1, end - left))}" height="${BAR - 2}"/>`,
          text((i === 0 ? clearOf(limitAt, end) : end) + 5, y + BAR - 3, speed(row), "number"),
        ].join("");
      });
      return [...bars, ...mark];
    }),
  ];
}

/** Where a number may begin that would run into the limit's mark at the bar's own end. */
function clearOf(limit: number, end: number): number {
  return limit > end - 5 && limit < end + NUMBER ? limit : end;
}

function limitMark(x: number, top: number, bottom: number): string {
  return `<line class="limit" x1="${x}" y1="${top}" x2="${x}" y2="${bottom}"/>`;
}

function legend(): string {
  const y = 52;
  let x = MARGIN;
  const parts: string[] = [];
  for (const { label, style } of SERIES) {
    parts.push(
      `<rect class="${style}" x="${x}" y="${y - 9}" width="10" height="10"/>`,
      text(x + 16, y, label),
    );
    x += 38 + 7 * label.length;
  }
  return [...parts, limitMark(x + 4, y - 10, y + 2), text(x + 14, y, "the memory's limit")].join("\n");
}

function source({ machine, versions, date }: Results): string {
  const ort = versions["onnxruntime-node"];
  return [
    machine.cpu,
    `Node ${versions.node}`,
    ...(ort ? [`onnxruntime-node ${ort}`] : []),
    date.slice(0, 10),
  ].join(", ");
}

function text(x: number, y: number, content: string, style?: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}"${style ? ` class="${style}"` : ""}>${escaped}</text>`;
}

function speed({ gigabytesPerSecond }: Row): string {
  return gigabytesPerSecond < 10 ? gigabytesPerSecond.toPrecision(2) : gigabytesPerSecond.toFixed(1);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
