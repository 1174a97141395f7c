import { type Command, InvalidArgumentError } from "commander";
import type { OnProgress } from "../progress.js";
import type { ProgressLine } from "./progress-line.js";

/** Exit codes beside 0, done. */
export const EXIT = { failed: 1, usage: 2, gateNotMet: 3 } as const;

/** What every verb may be given. */
export interface SharedOptions {
  json?: boolean;
  quiet?: boolean;
  threads?: number;
}

export interface VerbContext {
  /** Aborted by Ctrl-C and SIGTERM. */
  signal: AbortSignal;
  onProgress: OnProgress;
  /** The line of a terminal that onProgress draws, for verbs that have more to say while they work. */
  line: ProgressLine;
}

export interface Outcome {
  /** What --json prints. */
  json: object;
  /** What is printed otherwise; ends without a line break. */
  text: string;
  /** Default 0. */
  exitCode?: number;
}

/** One word of the command line. Options that all verbs share are added by main.ts. */
export interface Verb<Options extends SharedOptions = SharedOptions> {
  /** Declares arguments, options and examples. */
  configure(command: Command): void;
  /** Does the work; errors thrown become one line and an exit code. */
  run(operands: string[], options: Options, context: VerbContext): Promise<Outcome>;
}

/** A command line that is well-formed but asks for what cannot be; exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
}

/** Examples after the help of a verb, one line each. */
export function addExamples(command: Command, ...examples: string[]): void {
  command.addHelpText(
    "after",
    `\nExamples:\n${examples.map((example) => `  $ modelpress ${example}`).join("\n")}`,
  );
}

/** Parser for options that count something, from 1. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("Expected an integer from 1.");
  return value;
}

/** Parser for names separated by commas. */
export function parseList(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
}

/** Parser for an option that may be given several times. */
export function repeated(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Parser for shares of one, such as 0.01. */
export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Expected a number from 0 to 1.");
  return value;
}

/** Parser for percentages of values to keep. */
export function parsePercentile(text: string): number {
  const value = Number(text);
  if (!(value >= 50 && value <= 100)) throw new InvalidArgumentError("Expected a number from 50 to 100.");
  return value;
}

/** Parser for ratios in decibels. */
export function parseDecibels(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError("Expected a number above 0, at most 100.");
  return value;
}
