import { ModelOperationError } from "../errors.js";

/** Tells whether a name is meant by a pattern: * stands for any characters, ? for one. A name that something has stands for itself. */
export function nameMatcher(pattern: string, isName: boolean): (name: string) => boolean {
  if (isName || !/[*?]/.test(pattern)) return (name) => name === pattern;
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  const expression = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
  return (name) => expression.test(name);
}

/**
 * Tells whether one of some names is meant by one of the patterns that a user gave.
 *
 * @param option what the patterns were given as, for the error
 * @param unknown what the model lacks, and how to find it
 * @throws ModelOperationError UNSUPPORTED_MODEL for a pattern that means none of the names known: a typing error must not quietly
 *   prune what was to be spared
 */
export function namesMatcher(
  option: string,
  patterns: Iterable<string>,
  known: ReadonlySet<string>,
  unknown: (pattern: string) => string,
): (names: readonly string[]) => boolean {
  const matchers = [...patterns].map((pattern) => {
    const matches = nameMatcher(pattern, known.has(pattern));
    if (![...known].some(matches))
      throw new ModelOperationError("UNSUPPORTED_MODEL", `${option}: ${unknown(JSON.stringify(pattern))}`);
    return matches;
  });
  return (names) => matchers.some((matches) => names.some(matches));
}
