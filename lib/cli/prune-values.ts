import { basename, extname } from "node:path";
import { exportMasks } from "../compress/prune/export-masks.js";
import type { DenseTensor, PruneOptions, PruneResult, PruneScore } from "../compress/prune/options.js";
import { pruneModel } from "../compress/prune/prune-model.js";
import { colors } from "./colors.js";
import { bytes, percent } from "./format.js";
import { flagOf, latencyLines, type PruneFlags } from "./prune-flags.js";
import { readOverrides } from "./read-overrides.js";
import { samplesText } from "./sensitivity-table.js";
import { label, printable, table } from "./table.js";
import { type Outcome, UsageError, type VerbContext } from "./verb.js";

/** Of tensors that are left alone for one reason; --json has them all. */
const SHOWN_NAMES = 3;

/** Sets values of weights to zero. */
export async function runValues(
  model: string,
  { roundTo, minKept, overrides, score, saveMasks, ...flags }: PruneFlags,
  context: VerbContext,
): Promise<Outcome> {
  for (const [name, value] of Object.entries({ roundTo, minKept }))
    if (value !== undefined) throw new UsageError(`${flagOf(name)} is for --pattern channel`);
  const result = await pruneModel(model, {
    ...flags,
    ...context,
    score: score as PruneScore,
    ...(overrides !== undefined && { overrides: readOverrides<PruneOptions["overrides"]>(overrides) }),
    zip: true,
  });
  result.model?.close();
  const { model: _model, ...facts } = result;
  if (saveMasks === undefined) return { json: { input: model, ...facts }, text: render(model, result) };
  const masks = await exportMasks(result.files[0]!, saveMasks, { signal: context.signal });
  const said = `masks of ${masks.masks.length} weights: ${label(saveMasks)}`;
  return { json: { input: model, ...facts, masks }, text: `${render(model, result)}\n${said}` };
}

function render(input: string, result: PruneResult): string {
  const { storage, files, layers, dense, values, zeros, sparsity, repairs, warnings, sensitivity } = result;
  const rows = layers.map((layer) => [
    label(layer.name),
    label([...new Set(layer.nodes.map(({ opType }) => opType))].join(", ")),
    String(layer.values),
    percent(layer.sparsity),
  ]);
  const compare = `modelpress compare ${printable(input)} ${printable(files[0]!)} --data <labelled samples>`;
  const into = result.model ? ` --into ${printable(input)}` : "";
  const restore = `modelpress convert ${printable(files[0]!)} <dense>${extname(input)} --compressed dense${into}`;
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${zeros.after} of ${values} weights are 0 (${percent(sparsity)})`,
    ),
    ...(sensitivity ? [`shared out by runs over ${samplesText(sensitivity)}`] : []),
    "",
    table([["weight", "operator", "values", "zeros"], ...rows]),
    ...(dense.length > 0 ? ["", "left alone:"] : []),
    ...denseLines(dense),
    ...(repairs.length > 0 ? ["", ...repairs] : []),
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
    "",
    ...sizeLines(result),
    `next: ${storage === "dense" ? compare : restore}`,
  ].join("\n");
}

/** What zeros are good for, and what not. */
function sizeLines({ storage, size, latency }: PruneResult): string[] {
  const { before, after, bitmask, zip } = size;
  const about = zip?.estimated ? "about " : "";
  const zipBefore = zip?.before === undefined ? "" : ` (before: ${bytes(zip.before)})`;
  return [
    storage === "dense"
      ? `${bytes(before)} -> ${bytes(after)} dense: zeros are stored as every other value`
      : `${bytes(before)} dense -> ${bytes(after)} with the pruned weights as bitmasks`,
    ...(zip ? [`in a zip archive ${about}${bytes(zip.after)}${zipBefore}`] : []),
    ...(storage === "dense"
      ? [`with the pruned weights as bitmasks ${bytes(bitmask)} (--storage bitmask)`]
      : []),
    "zeros alone are no faster: onnxruntime multiplies by them as by every other value",
    ...latencyLines(latency),
  ];
}

/** Tensors with the same reason on one line. */
function denseLines(dense: readonly DenseTensor[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of dense) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => {
    const shown = names.slice(0, SHOWN_NAMES).map(label).join(", ");
    const more = names.length > SHOWN_NAMES ? `, ... ${names.length} in all` : "";
    return `  ${label(reason)}: ${shown}${more}`;
  });
}
