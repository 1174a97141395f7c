import { basename } from "node:path";
import type { QuantizeResult } from "../compress/options.js";
import { PRESETS } from "../compress/target.js";
import { colors } from "./colors.js";
import { bytes, change, decibels } from "./format.js";
import { label, printable, table } from "./table.js";

/** The target and what it and the options came to, on one line. */
function describeSettings({ settings, mode }: QuantizeResult): string {
  const { target, activations, weights, symmetric, perChannel, reduceRange } = settings;
  const parts = [
    ...(mode === "static" ? [`activations ${activations}${symmetric ? " symmetric" : ""}`] : []),
    `weights ${weights}${reduceRange ? " in 7 bits" : ""} ${perChannel ? "per channel" : "per tensor"}`,
  ];
  return `for ${target}: ${parts.join(", ")} (${PRESETS[target].reason})`;
}

/** What the outputs keep, and what it took. */
function floatLines({ keepFloat }: QuantizeResult): string[] {
  if (keepFloat === undefined) return [];
  const { beforeDb, afterDb, heldOutDb, nodes } = keepFloat;
  const others = heldOutDb === undefined ? "" : `, on others ${decibels(heldOutDb)}`;
  if (nodes.length === 0) return ["", `outputs on some calibration samples: ${decibels(afterDb)}${others}`];
  return [
    "",
    `left ${nodes.length} nodes in float: outputs on some calibration samples ${decibels(beforeDb)} -> ${decibels(afterDb)}${others}`,
  ];
}

function cacheLines({ calibrationCache }: QuantizeResult): string[] {
  if (calibrationCache === undefined) return [];
  const { path, state, reason } = calibrationCache;
  const lines = {
    used: `ranges taken from ${label(path)}`,
    written: `ranges written to ${label(path)}`,
    replaced: `ranges found anew and written to ${label(path)}, which was for ${reason}`,
  };
  return ["", lines[state]];
}

/** What was done, for people: what became of which operators and why, and what to do next. */
export function describeQuantized(input: string, result: QuantizeResult): string {
  const { files, mode, reason, nodes, size, samples, repairs, warnings } = result;
  const counts = new Map<string, number>();
  for (const { opType, treatment } of nodes) {
    const key = `${opType}\0${treatment}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rows = [...counts].map(([key, count]) => [...key.split("\0").map(label), String(count)]);
  const kept = nodes.filter(({ treatment }) => treatment === "float");
  return [
    colors.bold(
      `${label(basename(files[0]!))}: ${bytes(size.before)} -> ${bytes(size.after)} (${change(size.after / size.before)})`,
    ),
    `${mode}: ${reason}${samples > 0 ? `; ${samples} calibration samples` : ""}`,
    describeSettings(result),
    "",
    table([["operator", "became", "nodes"], ...rows]),
    ...cacheLines(result),
    ...floatLines(result),
    ...(kept.length > 0 ? ["", "left in float:"] : []),
    ...kept.map(({ opType, name, reason: why }) => `  ${label(opType)} ${label(name)}: ${why}`),
    ...repairs.map((repair) => `repaired: ${repair}`),
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
    "",
    `next: modelpress compare ${printable(input)} ${printable(files[0]!)} --data <labelled samples>`,
  ].join("\n");
}
