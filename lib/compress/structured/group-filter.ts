import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { nodeNames } from "../../graph/channels/channel-groups.js";
import type { Graph } from "../../graph/graph.js";
import { namesMatcher } from "../name-pattern.js";
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
  const known = new Set(graph.allNodes().map(nameOf));
  const matcher = (option: string, patterns: readonly string[]) =>
    namesMatcher(
      option,
      patterns,
      known,
      (pattern) => `the model has no node named ${pattern}; modelpress inspect --nodes lists them`,
    );
  const isIncluded = include && matcher("include", include);
  const isExcluded = matcher("exclude", exclude);
  return ({ makers }) => {
    const names = nodeNames(makers);
    if (isExcluded(names)) return "excluded by name";
    return isIncluded && !isIncluded(names) ? "not among those to include" : undefined;
  };
}
