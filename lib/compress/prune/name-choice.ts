import { namesMatcher } from "../name-pattern.js";
import type { PruneSettings } from "./options.js";
import type { Weight } from "./weight.js";

/**
 * Why the user does not want a weight pruned; undefined where there is nothing against it.
 *
 * @param known all names of tensors and of nodes that read them
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name or pattern that means none of them
 */
export function nameChoice(
  known: ReadonlySet<string>,
  { include, exclude, overrides }: PruneSettings,
): (weight: Weight) => string | undefined {
  const matcher = (option: string, patterns: Iterable<string>) =>
    namesMatcher(
      option,
      patterns,
      known,
      (pattern) =>
        `the model has no weight and no node with one named ${pattern}; modelpress inspect lists them`,
    );
  const isIncluded = include && matcher("include", include);
  const isExcluded = matcher("exclude", exclude);
  matcher("overrides", overrides.keys());
  const staysDense = matcher(
    "overrides",
    [...overrides].filter(([, override]) => override === "dense").map(([name]) => name),
  );
  return (weight) => {
    const names = namesOf(weight);
    if (isExcluded(names)) return "excluded by name";
    if (isIncluded && !isIncluded(names)) return "not among those to include";
    return staysDense(names) ? "dense, as overrides say" : undefined;
  };
}

/** The names by which a user may mean a weight: its own, and those of the nodes that read it. */
export function namesOf({ name, nodes }: Weight): string[] {
  return [name, ...nodes.map((node) => node.name)];
}
