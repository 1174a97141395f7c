import type { MetricValue } from "../../optimize/report.js";

/** What could change the direction of writing, hide or break a line: shown as its code point. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu;
const NBSP = "\u00a0";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** A name that fits: the middle is left out, since names of layers differ at their ends. */
export function shortName(text: string, limit = 60): string {
  if (text.length <= limit) return printable(text);
  const half = Math.floor((limit - 1) / 2);
  return printable(`${text.slice(0, half)}\u2026${text.slice(-half)}`);
}

/** The first so many characters of a text, and a sign that it goes on; no character is cut in half. */
export function beginning(text: string, limit: number): string {
  return `${printable(text.slice(0, limit).replace(/[\ud800-\udbff]$/, ""))}\u2026`;
}

/** 1048509 as 1.05 MB. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)}${NBSP}${UNITS[unit]}`;
}

export function milliseconds(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value < 100 ? value.toPrecision(3) : value.toFixed(0)}${NBSP}ms`;
}

export function seconds(value: number): string {
  if (value < 60) return `${value < 10 ? value.toFixed(1) : value.toFixed(0)}${NBSP}s`;
  return `${Math.floor(value / 60)}${NBSP}min ${Math.round(value % 60)}${NBSP}s`;
}

export function percent(share: number, digits = 2): string {
  return `${(share * 100).toFixed(digits)}${NBSP}%`;
}

/** 3.94 as 3.9×. */
export function factor(value: number): string {
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)}×`;
}

export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** null stands for no difference at all. */
export function decibels(value: number | null): string {
  return value === null ? "exact" : `${value.toFixed(1)}${NBSP}dB`;
}

export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value > 0 ? "+" : "\u2212"}${text}`;
}

/** Three significant digits, and powers of ten only where a number would be long. */
export function number(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size < 1e-3 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "\u2212");
}

/** "1 layer", "2 layers". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

type Metric = Pick<MetricValue, "higherIsBetter" | "original" | "candidate">;

/** Whether a metric is a share of one, such as accuracy, which people read in per cent. */
export function isShare({ higherIsBetter, original, candidate }: Metric): boolean {
  return higherIsBetter && [original, candidate].every((value) => value >= 0 && value <= 1);
}

export function metricNumber(metric: Metric, value: number): string {
  return isShare(metric) ? percent(value) : number(value);
}

/** A drop or its limit, without its sign. */
export function metricDistance(metric: Metric, distance: number): string {
  const size = Math.abs(distance);
  return isShare(metric) ? `${(size * 100).toFixed(2)}${NBSP}points` : number(size);
}

/** "0.25 points worse", "0.10 points better", "the same". */
export function dropInWords(metric: Metric, drop: number): string {
  const text = metricDistance(metric, drop);
  if (Number.parseFloat(text) === 0) return "the same";
  return `${text} ${drop > 0 ? "worse" : "better"}`;
}

/** Exporters begin all names alike and end them with the operator: what is between tells nodes apart. */
export function distinctPart({ name, opType }: { name: string; opType: string }): string {
  const path = name.endsWith(`/${opType}`) ? name.slice(0, -opType.length - 1) : name;
  return path.replace(/^\//, "") || name;
}
