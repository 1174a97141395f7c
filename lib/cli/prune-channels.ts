import { basename } from "node:path";
import type { Command } from "commander";
import type { PruneChannelsResult, WholeLayers } from "../compress/structured/options.js";
import { colors } from "./colors.js";
import { bytes, percent } from "./format.js";
import { label, table } from "./table.js";
import { parseCount, parseShare } from "./verb.js";

/** What only --pattern channel takes. */
export interface ChannelCommandOptions {
  roundTo?: number;
  minKept?: number;
}

export const CHANNEL_OPTIONS = ["roundTo", "minKept"] as const;

export function addChannelOptions(command: Command): void {
  command
    .optionsGroup("With --pattern channel:")
    .option("--round-to <n>", "layers keep a multiple of so many channels; default 8", parseCount)
    .option("--min-kept <share>", "every layer keeps this share of its channels; default 0.2", parseShare)
    .optionsGroup("Options:");
}

/** What was done, for people. */
export function renderChannels(input: string, result: PruneChannelsResult): string {
  const { files, groups, whole, parameters, multiplications, repairs, size, warnings } = result;
  const saved = 1 - multiplications.after / multiplications.before;
  const rows = groups.map(({ layers, readers, channels }) => [
    named(layers),
    named(readers),
    `${channels.before} -> ${channels.after}`,
  ]);
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${percent(saved)} of the multiplications and ${percent(1 - parameters.after / parameters.before)} of the parameters are gone, ${bytes(size.after)}`,
    ),
    "",
    table([["made by", "read by", "channels"], ...rows]),
    ...(whole.length > 0 ? ["", "whole:"] : []),
    ...whole.map(({ layers, reason }: WholeLayers) => `  ${named(layers)}: ${label(reason)}`),
    ...repairs.map((repair) => label(repair)),
    ...warnings.map((warning) => `warning: ${label(warning)}`),
    "",
    `next: modelpress compare ${label(input)} ${label(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}

/** The first of several names, and how many more there are. */
function named([first, ...others]: readonly string[]): string {
  return `${label(first!)}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}
