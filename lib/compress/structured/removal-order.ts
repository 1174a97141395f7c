import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import type { LayerReader } from "./layer-readers.js";

/** The order in which the channels of a group would go. */
export interface RemovalOrder {
  readonly group: ChannelGroup;
  /** Sets of channels, those that are worth least first. */
  readonly sets: readonly number[];
  /** What the first k + 1 of them together cost, never less than the first k. */
  readonly losses: readonly number[];
  /** The layers that read the group when about half of it is gone; absent where they cannot be observed. */
  readonly half?: HalfGone;
}

export interface HalfGone {
  /** What that costs, on the scale of `losses`. */
  readonly loss: number;
  readonly layers: readonly CompensatedLayer[];
}

/** A layer whose other inputs make good, as far as they can, those that went. */
export interface CompensatedLayer {
  readonly reader: LayerReader;
  /** Rows of its weight. */
  readonly rows: Float32Array;
  /** What is added to each output, so that its mean stays. */
  readonly shifts: Float32Array;
}
