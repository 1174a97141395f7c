import { pruneBlocks } from "../../prune/prune-blocks.js";
import { elementCount } from "../../tensor.js";
import { type Mask, type MaskContext, maskOf } from "./mask.js";
import type { Weight } from "./weight.js";

/** How many outputs and inputs are zero together. */
export interface Block {
  readonly outputs: number;
  readonly inputs: number;
}

/**
 * A mask that takes round(sparsity * blocks) blocks of a weight, those of the smallest mean magnitude. The weight is taken as a matrix
 * of outputs and inputs; of a Conv all values of a filter are inputs of one output, [out, in * height * width].
 */
export function blockMask(
  weight: Weight,
  { outputs, inputs }: Block,
  sparsity: number,
  context: MaskContext,
): Promise<Mask> {
  const { shape, isTransposed } = matrixOf(weight);
  const block = isTransposed ? ([inputs, outputs] as const) : ([outputs, inputs] as const);
  return maskOf(weight, (values, out) => void pruneBlocks(values, { shape, block, sparsity, out }), context);
}

/** Why a weight cannot have blocks; undefined where it can. */
export function whyNoBlocks({ inputAxis }: Weight): string | undefined {
  return inputAxis === undefined ? "the nodes that read it sum over different axes, or none" : undefined;
}

/** The weight as a matrix; transposed where a row holds what one input gives all outputs, as MatMul has it. */
function matrixOf({ shape, inputAxis = 1, nodes }: Weight): { shape: number[]; isTransposed: boolean } {
  const isProduct = nodes.some(({ opType }) => opType.endsWith("MatMul"));
  const isTransposed = inputAxis === 0 || (isProduct && inputAxis === shape.length - 2);
  const rows = isTransposed ? inputAxis + 1 : inputAxis;
  return { shape: [elementCount(shape.slice(0, rows)), elementCount(shape.slice(rows))], isTransposed };
}
