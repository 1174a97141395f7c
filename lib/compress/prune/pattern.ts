import { outOfRange } from "../../errors.js";

/** Which values of a weight may be zero together. */
export type Pattern =
  | { readonly kind: "unstructured" }
  /** All but the `keep` largest of each `of` neighbours along the inputs. */
  | { readonly kind: "neighbours"; readonly keep: number; readonly of: number };

const MAX_GROUP = 64;

/** Reads "unstructured" or "2:4". Throws RangeError for anything else. */
export function parsePattern(text: string, field: string): Pattern {
  if (text === "unstructured") return { kind: "unstructured" };
  const [, keep, of] = (/^(\d{1,2}):(\d{1,2})$/.exec(text) ?? []).map(Number);
  if (keep === undefined || of === undefined || of < 2 || of > MAX_GROUP || keep >= of)
    throw outOfRange(
      `unstructured, channel, or N:M with N below M and M in 2..${MAX_GROUP}, such as 2:4,`,
      field,
      text,
    );
  return { kind: "neighbours", keep, of };
}

/** The sparsity that a pattern has by itself; undefined where it can have any. */
export function patternSparsity(pattern: Pattern): number | undefined {
  return pattern.kind === "neighbours" ? 1 - pattern.keep / pattern.of : undefined;
}

export function patternName(pattern: Pattern): string {
  return pattern.kind === "neighbours" ? `${pattern.keep}:${pattern.of}` : pattern.kind;
}
