import { ModelFormatError } from "../../errors.js";
import type { Axes } from "../../graph/channels/axes.js";
import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { weightValues } from "./weight-values.js";

/**
 * Channels of which a value is no number cannot be compared with others.
 *
 * @throws ModelFormatError TENSOR_INVALID for a weight of the groups that holds NaN or infinity
 */
export function requireFinite(axes: Axes, groups: readonly ChannelGroup[]): void {
  const weights = groups.flatMap(({ makers, readers }) => [...makers, ...readers]);
  for (const name of new Set(weights.map(({ weight }) => weight)))
    if (!weightValues(axes, name).every((value) => Number.isFinite(Number(value))))
      throw new ModelFormatError(
        "TENSOR_INVALID",
        "the weight holds NaN or infinity, so it cannot be pruned",
        {
          path: axes.graph.model.path,
          field: `tensor ${JSON.stringify(name)}`,
        },
      );
}
