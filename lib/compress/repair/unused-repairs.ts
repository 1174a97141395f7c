import type { QuantizeMode, QuantizeOptions, QuantizeSettings } from "../options.js";

/** What the user asked for in vain, since it belongs to static mode; undefined where nothing was. */
export function unusedRepairs(
  mode: QuantizeMode,
  { rounding, correctBias, smooth }: QuantizeOptions,
  { blocks }: QuantizeSettings,
): string | undefined {
  if (mode === "static") return undefined;
  const corrects = correctBias !== undefined && correctBias !== "auto" && correctBias;
  const asked = { rounding: rounding === "compensated" && !blocks, correctBias: corrects, smooth };
  const names = Object.entries(asked).flatMap(([name, value]) => (value ? [name] : []));
  return names.length > 0 ? `no effect in mode ${mode}: ${names.join(", ")}` : undefined;
}
