import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { Axes } from "../../graph/channels/axes.js";
import type { ChannelGroup } from "../../graph/channels/channel-groups.js";
import { type Elimination, eliminationOf } from "./elimination.js";
import { damped, layerGram, outputEnergy } from "./layer-gram.js";
import { type LayerReader, rowsOf } from "./layer-readers.js";
import type { CompensatedLayer, HalfGone, RemovalOrder } from "./removal-order.js";

/** The elimination of what one layer reads. */
export class ReaderElimination {
  private readonly elimination: Elimination;
  private readonly before: Float32Array;
  private readonly mean: Float64Array;

  /** The statistics are needed no longer afterwards. */
  constructor(
    axes: Axes,
    private readonly reader: LayerReader,
    statistics: LayerStatistics,
  ) {
    const { columns } = reader.input;
    const rows = rowsOf(axes, reader);
    const gram = layerGram(statistics, columns, reader.bias !== undefined);
    const energy = outputEnergy(rows, columns, gram) || 1;
    const input = { rows, columns, gram: damped(gram, columns), energy, columnSets: reader.columnSets };
    this.elimination = eliminationOf(input);
    this.before = rows;
    this.mean = statistics.mean;
  }

  loss(set: number): number {
    return this.elimination.loss(set);
  }

  remove(set: number): void {
    this.elimination.remove(set);
  }

  /** The layer as it is now. */
  compensated(): CompensatedLayer {
    const { reader, before, mean } = this;
    const { columns } = reader.input;
    const rows = this.elimination.rows();
    const shifts = new Float32Array(rows.length / columns);
    if (reader.bias !== undefined)
      for (const [i, value] of rows.entries())
        shifts[Math.floor(i / columns)]! += (before[i]! - value) * mean[i % columns]!;
    return { reader, rows, shifts };
  }
}

/** Orders the channels of a group so that each that goes is the one which the others make good best, in all layers that read it. */
export function reconstructionOrder(
  group: ChannelGroup,
  eliminations: readonly ReaderElimination[],
): RemovalOrder {
  const left = new Set(group.sets);
  const sets: number[] = [];
  const losses: number[] = [];
  let total = 0;
  let half: HalfGone | undefined;
  while (left.size > 0) {
    let best: { set: number; loss: number } | undefined;
    for (const set of left) {
      let loss = 0;
      for (const each of eliminations) loss += each.loss(set);
      if (best === undefined || loss < best.loss) best = { set, loss };
    }
    const { set, loss } = best!;
    for (const each of eliminations) each.remove(set);
    left.delete(set);
    total += Math.max(0, loss);
    sets.push(set);
    losses.push(total);
    if (sets.length === Math.ceil(group.sets.length / 2))
      half = { loss: total, layers: eliminations.map((each) => each.compensated()) };
  }
  return { group, sets, losses, ...(half && { half }) };
}
