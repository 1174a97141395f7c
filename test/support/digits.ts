import { fileURLToPath } from "node:url";
import { readSafetensors } from "../../lib/safetensors/read.js";
import { writeSafetensors } from "../../lib/safetensors/write.js";
import type { Tensor } from "../../lib/tensor.js";

/** Path of a model or data file that the project carries. */
export function carried(name: string): string {
  return fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
}

/** The first handwritten digits as the models take them: image float32 [n, 1, 28, 28] in [0, 1], y uint8 [n]. */
export function digits(count?: number): { image: Tensor; y: Tensor } {
  const { tensors } = readSafetensors(carried("digits.safetensors"));
  const x = tensors.get("x")!;
  const n = count ?? x.shape[0]!;
  const pixels = (x.data as Uint8Array).subarray(0, n * 784);
  const labels = (tensors.get("y")!.data as Uint8Array).slice(0, n);
  return {
    image: {
      dtype: "float32",
      shape: [n, 1, 28, 28],
      data: Float32Array.from(pixels, (value) => value / 255),
    },
    y: { dtype: "uint8", shape: [n], data: labels },
  };
}

/** Writes those digits as data for `--data`. */
export async function writeDigits(path: string, count?: number): Promise<void> {
  await writeSafetensors(path, digits(count));
}

interface LabelledSample {
  feeds: { image: Tensor };
  label: number;
}

function samples(images: string, classes: string): LabelledSample[] {
  const { tensors } = readSafetensors(carried("digits.safetensors"));
  const pixels = tensors.get(images)!.data as Uint8Array;
  const labels = tensors.get(classes)!.data as Uint8Array;
  return Array.from(labels, (label, i) => ({
    feeds: {
      image: {
        dtype: "float32",
        shape: [1, 1, 28, 28],
        data: Float32Array.from(pixels.subarray(i * 784, (i + 1) * 784), (value) => value / 255),
      },
    },
    label,
  }));
}

/** The 256 images set aside for calibration, one sample each. */
export function calibrationSamples(): LabelledSample[] {
  return samples("calib", "calib_y");
}

/** The 797 labelled images that no choice has seen, one sample each. */
export function testSamples(): LabelledSample[] {
  return samples("x", "y");
}
