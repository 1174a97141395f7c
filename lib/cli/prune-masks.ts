import { basename } from "node:path";
import { type AppliedMasks, applyMasks } from "../compress/prune/apply-masks.js";
import { colors } from "./colors.js";
import { percent } from "./format.js";
import { flagOf, type PruneCommandOptions } from "./prune-flags.js";
import { label, table } from "./table.js";
import { type Outcome, UsageError, type VerbContext } from "./verb.js";

/** What decides which values go, where no masks do. */
const CHOICES = [
  "sparsity",
  "score",
  "data",
  "input",
  "samples",
  "repair",
  "overrides",
  "include",
  "exclude",
  "embeddings",
  "minSize",
  "saveMasks",
  "roundTo",
  "minKept",
] as const satisfies readonly (keyof PruneCommandOptions)[];

/** Sets to zero what a file of masks says. */
export async function runMasks(
  model: string,
  { masks, output, ...others }: PruneCommandOptions & { masks: string; output: string },
  { signal, onProgress }: VerbContext,
): Promise<Outcome> {
  for (const name of CHOICES)
    if (others[name] !== undefined)
      throw new UsageError(`${flagOf(name)} is not for --masks, which says what goes`);
  if (others.pattern !== "unstructured" || others.scope !== "global" || others.storage !== "dense")
    throw new UsageError("--pattern, --scope and --storage are not for --masks, which says what goes");
  const result = await applyMasks(model, masks, { output, signal, onProgress });
  result.model?.close();
  const { model: _model, ...facts } = result;
  return { json: { input: model, masks, ...facts }, text: render(masks, result) };
}

function render(masks: string, { files, layers, values, zeros, sparsity }: AppliedMasks): string {
  const rows = layers.map((layer) => [label(layer.name), String(layer.values), percent(layer.sparsity)]);
  const total = `${zeros.after} of ${values} weights are 0 (${percent(sparsity)})`;
  return [
    colors.bold(`${label(basename(files[0]!))}: ${total}, as ${label(basename(masks))} says`),
    "",
    table([["weight", "values", "zeros"], ...rows]),
  ].join("\n");
}
