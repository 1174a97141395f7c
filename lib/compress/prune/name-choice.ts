import { ModelOperationError } from "../../errors.js";
import { nameMatcher } from "../name-pattern.js";
import type { PruneSettings } from "./options.js";
import type { Weight } from "./weight.js";

/**
 * Why the user does not want a weight pruned; undefined where there is nothing against it.
 *
 * @param known all names of tensors and of nodes that read them
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name or pattern that means none of them: a typing error must not quietly prune
 *   what was to be spared
 */
export function nameChoice(
  known: ReadonlySet<string>,
  { include, exclude, overrides }: PruneSettings,
): (weight: Weight) => string | undefined {
  const matchers = (option: string, patterns: Iterable<string>) =>
    [...patterns].map((pattern) => {
      const matches = nameMatcher(pattern, known.has(pattern));
      if (![...known].some(matches))
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${option}: the model has no weight and no node with one named ${JSON.stringify(pattern)}; modelpress inspect lists them`,
        );
      return matches;
    });
  const included = include && matchers("include", include);
  const excluded = matchers("exclude", exclude);
  matchers("overrides", overrides.keys());
  const kept = matchers(
    "overrides",
    [...overrides].filter(([, override]) => override === "dense").map(([name]) => name),
  );
  return (weight) => {
    const names = namesOf(weight);
    const isOneOf = (matches: readonly ((name: string) => boolean)[]): boolean =>
      matches.some((each) => names.some(each));
    if (isOneOf(excluded)) return "excluded by name";
    if (included && !isOneOf(included)) return "not among those to include";
    return isOneOf(kept) ? "dense, as overrides say" : undefined;
  };
}

/** The names by which a user may mean a weight: its own, and those of the nodes that read it. */
export function namesOf({ name, nodes }: Weight): string[] {
  return [name, ...nodes.map((node) => node.name)];
}
