import { outOfRange } from "../../errors.js";

/** Which values of a weight may be zero together. */
export type Pattern =
  | { readonly kind: "unstructured" }
  /** All but the `keep` largest of each `of` neighbours along the inputs. */
  | { readonly kind: "neighbours"; readonly keep: number; readonly of: number }
  /** Rectangles of so many outputs and inputs. */
  | { readonly kind: "blocks"; readonly outputs: number; readonly inputs: number };

const MAX_GROUP = 64;
const MAX_SIDE = 4096;

/** Reads "unstructured", "2:4" or "block:4x1". Throws RangeError for anything else. */
export function parsePattern(text: string, field: string): Pattern {
  if (text === "unstructured") return { kind: "unstructured" };
  const [, outputs, inputs] = (/^block:(\d{1,4})x(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (isSide(outputs) && isSide(inputs)) return { kind: "blocks", outputs, inputs };
  const [, keep, of] = (/^(\d{1,2}):(\d{1,2})$/.exec(text) ?? []).map(Number);
  if (keep === undefined || of === undefined || of < 2 || of > MAX_GROUP || keep >= of)
    throw outOfRange(
      `unstructured, channel, block:RxC with R outputs and C inputs in 1..${MAX_SIDE}, or N:M with N below M and M in 2..${MAX_GROUP}, such as 2:4,`,
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
  if (pattern.kind === "neighbours") return `${pattern.keep}:${pattern.of}`;
  return pattern.kind === "blocks" ? `block:${pattern.outputs}x${pattern.inputs}` : pattern.kind;
}

function isSide(size: number | undefined): size is number {
  return size !== undefined && size >= 1 && size <= MAX_SIDE;
}
