import { formatSize } from "../harness/sizes.js";

/** A ratio that the project asks of itself, and what came out. */
export interface Figure {
  what: string;
  /** The least that it may be. */
  asked: number;
  measured: number;
  /** What belongs to it: whose figure it is, or what else decides. */
  note?: string;
}

export function holds({ asked, measured }: Figure): boolean {
  return measured >= asked;
}

export const FIGURE_HEAD = line("times as fast, at least", "asked", "measured", "", "");

export function figureLine(figure: Figure): string {
  const { what, asked, measured, note = "" } = figure;
  return line(what, asked.toFixed(2), measured.toFixed(2), holds(figure) ? "holds" : "does not hold", note);
}

/** An operation at a size, as figures name it. */
export function named(operation: string, n: number): string {
  return `${operation}, ${formatSize(n)}`;
}

function line(what: string, asked: string, measured: string, verdict: string, note: string): string {
  return [what.padEnd(66), asked.padStart(6), measured.padStart(9), ` ${verdict.padEnd(14)}`, note]
    .join(" ")
    .trimEnd();
}
