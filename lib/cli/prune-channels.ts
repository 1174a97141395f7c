import { basename } from "node:path";
import type { Command } from "commander";
import { pruneModel } from "../compress/prune/prune-model.js";
import type { ChannelScore, PruneChannelsResult, WholeLayers } from "../compress/structured/options.js";
import { colors } from "./colors.js";
import { bytes, percent } from "./format.js";
import { flagOf, latencyLines, type PruneFlags } from "./prune-flags.js";
import { label, printable, table } from "./table.js";
import { type Outcome, parseCount, parseShare, UsageError, type VerbContext } from "./verb.js";

export function addChannelOptions(command: Command): void {
  command
    .optionsGroup("With --pattern channel:")
    .option("--round-to <n>", "layers keep a multiple of so many channels; default 8", parseCount)
    .option("--min-kept <share>", "every layer keeps this share of its channels; default 0.2", parseShare)
    .optionsGroup("Options:");
}

/** Takes whole channels out. */
export async function runChannels(
  model: string,
  { sparsity, overrides, embeddings, minSize, saveMasks, storage, score, scope, ...flags }: PruneFlags,
  context: VerbContext,
): Promise<Outcome> {
  const bitmasks = storage === "dense" ? undefined : storage;
  const values = { overrides, embeddings, minSize, saveMasks, storage: bitmasks };
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) throw new UsageError(`${flagOf(name)} is not for --pattern channel`);
  if (sparsity === undefined) throw new UsageError("--pattern channel needs --sparsity");
  const result = await pruneModel(model, {
    ...flags,
    ...context,
    pattern: "channel",
    sparsity,
    scope,
    score: score as ChannelScore,
  });
  result.model.close();
  const { model: _model, ...facts } = result;
  return { json: { input: model, ...facts }, text: renderChannels(model, result) };
}

/** What was done, for people. */
function renderChannels(input: string, result: PruneChannelsResult): string {
  const { files, groups, whole, parameters, multiplications, repairs, size, latency, warnings } = result;
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
    ...repairs,
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
    "",
    ...latencyLines(latency),
    `next: modelpress compare ${printable(input)} ${printable(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}

/** The first of several names, and how many more there are. */
function named([first, ...others]: readonly string[]): string {
  return `${label(first!)}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}
