import type { BlockwiseLayout } from "../../quantize/blockwise-layout.js";
import { fitBlockwise } from "../../quantize/fit-blockwise.js";
import { type BlockwiseArrays, quantizeBlockwise } from "../../quantize/quantize-blockwise.js";

/** What a block quantizer is told of a weight. */
export interface BlockInput {
  /** Name of the float initializer. */
  readonly weight: string;
  /** Name of the one that the model has: another where this is its transpose. */
  readonly source: string;
  /** Its values, as `layout` says; views of the model's file, not to be kept. */
  readonly values: Float32Array;
  readonly layout: BlockwiseLayout;
}

/**
 * Fills the arrays of one weight: the scale and zero point of every block, and the steps. Called while the model is written,
 * for one weight at a time and perhaps more than once for each, and must then give the same.
 */
export type BlockQuantizer = (input: BlockInput, out: BlockwiseArrays) => void;

/** Every value becomes the nearest step; the range of a block gives its scale and zero point. */
export const roundToNearest: BlockQuantizer = ({ values, layout }, out) => {
  quantizeBlockwise(values, { ...layout, symmetric: out.zeroPoints === undefined, out });
};

/** Every value becomes the nearest step of the scale that fits its block best. Of 8 bits the range's is as good. */
export const fitScales: BlockQuantizer = (input, out) => {
  roundToNearest(input, out);
  if (input.layout.bits !== 8) fitBlockwise(input.values, { ...input.layout, ...out });
};
