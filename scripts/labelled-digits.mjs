import { fileURLToPath } from "node:url";
import { readSafetensors } from "modelpress";

/**
 * The handwritten digits as the digit models take them: one channel, pixels from 0 to 1. Calibration and test share no image.
 * @returns {Record<"calibration" | "test", { feeds: { image: { shape: number[], data: Float32Array } }, label: number }[]>}
 */
export function labelledDigits() {
  const digits = readSafetensors(fileURLToPath(new URL("../models/digits.safetensors", import.meta.url)));
  /** @param {string} images @param {string} classes */
  const samples = (images, classes) => {
    const { shape, data } = /** @type {import("modelpress").Tensor} */ (digits.tensors.get(images));
    const labels = /** @type {import("modelpress").Tensor} */ (digits.tensors.get(classes)).data;
    const [count = 0, height = 0, width = 0] = shape;
    const size = height * width;
    return Array.from({ length: count }, (_, i) => {
      const pixels = /** @type {Uint8Array} */ (data).subarray(i * size, (i + 1) * size);
      const image = { shape: [1, 1, height, width], data: Float32Array.from(pixels, (pixel) => pixel / 255) };
      return { feeds: { image }, label: Number(labels[i]) };
    });
  };
  return { calibration: samples("calib", "calib_y"), test: samples("x", "y") };
}
