import type { ChannelGroup } from "../../graph/channels/channel-groups.js";

/** The order in which the channels of a group would go. */
export interface RemovalOrder {
  readonly group: ChannelGroup;
  /** Sets of channels, those that are worth least first. */
  readonly sets: readonly number[];
  /** What the first k + 1 of them together cost, never less than the first k. */
  readonly losses: readonly number[];
}
