import { ModelOperationError } from "../../errors.js";
import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { nodeNames } from "../../graph/channels/channel-groups.js";
import type { Graph } from "../../graph/graph.js";
import { nameMatcher } from "../name-pattern.js";
import { nameOf } from "../select-nodes.js";
import type { PruneChannelsOptions } from "./options.js";

/**
 * Tells why the user does not want a group to lose channels; undefined where there is nothing against it.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for a name or pattern that no node of the model has
 */
export function groupFilter(
  graph: Graph,
  { include, exclude = [] }: Pick<PruneChannelsOptions, "include" | "exclude">,
): (group: ChannelGroup) => string | undefined {
  const names = new Set(graph.allNodes().map(nameOf));
  const matchers = (option: string, patterns: readonly string[]) =>
    patterns.map((pattern) => {
      const matches = nameMatcher(pattern, names.has(pattern));
      if (![...names].some(matches))
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${option}: the model has no node named ${JSON.stringify(pattern)}; modelpress inspect --nodes lists them`,
        );
      return matches;
    });
  const included = include && matchers("include", include);
  const excluded = matchers("exclude", exclude);
  return ({ makers }) => {
    const makerNames = nodeNames(makers);
    const isOneOf = (list: readonly ((name: string) => boolean)[]) =>
      list.some((matches) => makerNames.some(matches));
    if (isOneOf(excluded)) return "excluded by name";
    return included && !isOneOf(included) ? "not among those to include" : undefined;
  };
}
