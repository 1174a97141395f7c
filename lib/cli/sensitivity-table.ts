import { basename } from "node:path";
import type { PruneSensitivity } from "../compress/prune/prune-sensitivity.js";
import type { MeasuredSensitivity } from "../compress/prune/sensitivity.js";
import { colors } from "./colors.js";
import { label, table } from "./table.js";

/** One row for each weight, one column for each sparsity. */
export function sensitivityText(input: string, sensitivity: PruneSensitivity): string {
  const { curves } = sensitivity;
  const sparsities =
    curves[0]?.points.map(({ sparsity }) => `${Number((100 * sparsity).toFixed(2))} %`) ?? [];
  const rows = curves.map(({ name, values, points }) => [
    label(name),
    String(values),
    ...points.map(({ sqnrDb }) =>
      Number.isFinite(sqnrDb) ? sqnrDb.toFixed(1) : sqnrDb > 0 ? "same" : "NaN",
    ),
  ]);
  return [
    colors.bold(
      `${label(basename(input))}: signal to noise of the outputs in dB, one weight pruned at a time`,
    ),
    `by runs over ${samplesText(sensitivity)}`,
    "",
    table([["weight", "values", ...sparsities], ...rows]),
  ].join("\n");
}

/** Which samples something was measured with. */
export function samplesText({ samples, data }: MeasuredSensitivity): string {
  if (data === "given") return `${samples} samples`;
  return `${samples} random samples (seeded); give --data for figures that mean something`;
}
