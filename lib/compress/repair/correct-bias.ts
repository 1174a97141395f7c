import type { LayerStatistics } from "../../calibrate/layer-statistics.js";

/**
 * What quantization takes from the mean of each output of a layer: E[W x] - E[W' x'], where W' and x' are the quantized
 * weights and inputs. Added to the bias it makes the means equal again.
 * M. Nagel, M. van Baalen, T. Blankevoort, M. Welling: Data-Free Quantization Through Weight Equalization and Bias
 * Correction, ICCV 2019, section 4.2, with means from calibration.
 *
 * @param weights columns values for each output
 * @param quantized the same, dequantized again
 */
export function biasCorrection(
  weights: Float32Array,
  quantized: Float32Array,
  columns: number,
  { mean, roundedMean }: Pick<LayerStatistics, "mean" | "roundedMean">,
): Float32Array {
  const outputs = weights.length / columns;
  const perGroup = outputs / (mean.length / columns);
  const correction = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const group = Math.floor(output / perGroup) * columns;
    let sum = 0;
    for (let c = 0, at = output * columns; c < columns; c++, at++)
      sum += weights[at]! * mean[group + c]! - quantized[at]! * roundedMean[group + c]!;
    correction[output] = sum;
  }
  return correction;
}
