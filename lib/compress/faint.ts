/**
 * Whether a range is too narrow for a scale in float32, so that its scale is 1 (see computeQuantParams) and every value of it
 * becomes 0.
 */
export function isFaint({ min, max, scale }: { min: number; max: number; scale: number }): boolean {
  const width = Math.max(max, 0) - Math.min(min, 0);
  return width > 0 && scale > width;
}

/** What to tell of tensors whose values are too small for a scale. */
export function faintWarning(names: ReadonlySet<string>): string {
  const [first] = names;
  const which = names.size === 1 ? `${first}` : `${names.size} tensors, ${first} among them,`;
  return `values of ${which} are lost: they are too small for a scale in float32`;
}
