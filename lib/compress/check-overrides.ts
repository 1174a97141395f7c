import { outOfRange } from "../errors.js";
import type { ActivationPlan } from "./activation-plan.js";
import type { QuantizeSettings, TensorOverride } from "./options.js";

const FIELDS: readonly string[] = ["min", "max", "dtype", "symmetric"] satisfies (keyof TensorOverride)[];

/**
 * Checks overrides that come from outside TypeScript.
 *
 * @throws RangeError naming the tensor and the field
 */
export function checkOverrides(overrides: QuantizeSettings["overrides"], dtypes: readonly string[]): void {
  for (const [tensor, override] of Object.entries(overrides)) {
    if (override === "float") continue;
    const name = `overrides[${JSON.stringify(tensor)}]`;
    const unknown = Object.keys(Object(override)).find((field) => !FIELDS.includes(field));
    if (typeof override !== "object" || override === null || unknown !== undefined)
      throw outOfRange(`"float" or { ${FIELDS.join(", ")} }`, name, unknown ?? override);
    const { min, max, dtype, symmetric } = override;
    if (dtype !== undefined && !dtypes.includes(dtype))
      throw outOfRange(`one of ${dtypes.join(", ")}`, `${name}.dtype`, dtype);
    if (symmetric !== undefined && typeof symmetric !== "boolean")
      throw outOfRange("true or false", `${name}.symmetric`, symmetric);
    if (min === undefined && max === undefined) continue;
    if (!(Number.isFinite(min) && Number.isFinite(max) && min! <= max!))
      throw outOfRange("two finite numbers, min not above max,", `${name}.min and max`, `${min}, ${max}`);
  }
}

/** The overrides of tensors that have no scale of their own, in plain words; undefined where all had an effect. */
export function unusedOverrides(
  overrides: QuantizeSettings["overrides"],
  { activations }: ActivationPlan,
): string | undefined {
  const scaled = new Set([...activations.values()].map(({ rangeOf }) => rangeOf));
  const unused = Object.keys(overrides).filter((name) => overrides[name] !== "float" && !scaled.has(name));
  if (unused.length === 0) return undefined;
  const reasons = unused.map((name) => {
    const root = activations.get(name)?.rangeOf;
    return root === undefined ? `${name} is not quantized` : `${name} has the scale of ${root}`;
  });
  return `overrides without effect: ${reasons.join(", ")}`;
}
