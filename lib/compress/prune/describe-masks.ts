import type { Mask } from "./mask.js";
import type { PrunedLayer, PruneResult } from "./options.js";

/** What masks do to a model: weight by weight, and all together. */
export function describeMasks(
  masks: readonly Mask[],
): Pick<PruneResult, "layers" | "values" | "zeros" | "sparsity"> {
  const sum = (of: (mask: Mask) => number): number => masks.reduce((total, mask) => total + of(mask), 0);
  const values = sum(({ weight }) => weight.count);
  const zeros = { before: sum((mask) => mask.zeros.before), after: sum((mask) => mask.zeros.after) };
  return { layers: masks.map(describe), values, zeros, sparsity: zeros.after / values };
}

function describe({ weight, zeros }: Mask): PrunedLayer {
  const { name, nodes, shape, count } = weight;
  return {
    name,
    nodes: nodes.map((node) => ({ ...node })),
    shape: [...shape],
    values: count,
    zeros: { ...zeros },
    sparsity: zeros.after / count,
  };
}
