import type { LayerInput } from "../calibrate/layer-input.js";
import type { Anchor } from "./anchors.js";

/**
 * The output of a layer, read as a pointwise convolution would read it: a row holds the channels of a group at a position,
 * and the rows of a group are at the places where the layer reads its input.
 *
 * @param tensor what the layer makes
 * @param outputs channels of a group
 * @param spatial axes of the tensor beside samples and channels, for a Conv
 */
export function layerOutputOf(
  { node }: Pick<Anchor, "node">,
  tensor: string,
  outputs: number,
  spatial: number,
  groups = 1,
): LayerInput {
  if (node.opType !== "Conv") return { tensor, columns: outputs };
  const all = (value: number) => new Array<number>(spatial).fill(value);
  const [ones, zeros] = [all(1), all(0)];
  const patches = { groups, kernel: ones, strides: ones, dilations: ones, before: zeros, after: zeros };
  return { tensor, columns: outputs, patches };
}
