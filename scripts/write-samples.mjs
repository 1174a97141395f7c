import { writeSafetensors } from "modelpress";

/** @typedef {import("./labelled-sets.mjs").Sample} Sample */

/**
 * Samples in one safetensors file, as the command line takes them: a tensor for each input without the batch dimension of
 * the sample, and the labels.
 * @param {string} path @param {Sample[]} samples
 */
export async function writeSamples(path, samples) {
  const tensors = stack(samples, (shape) => shape.slice(1));
  tensors.set("label", {
    dtype: "int64",
    shape: [samples.length],
    data: BigInt64Array.from(samples, ({ label = 0 }) => BigInt(label)),
  });
  await writeSafetensors(path, tensors);
}

/**
 * The same in as many files as there are shapes of samples, and whole: a tensor has one dimension more than the input.
 * @param {string} folder @param {Sample[]} samples @returns {Promise<string[]>} their paths
 */
export async function writeWholeSamples(folder, samples) {
  /** @type {Map<string, Sample[]>} */
  const alike = new Map();
  for (const sample of samples) {
    const shapes = JSON.stringify(Object.values(sample.feeds).map(({ shape }) => shape));
    alike.set(shapes, [...(alike.get(shapes) ?? []), sample]);
  }
  /** @type {string[]} */
  const paths = [];
  for (const group of alike.values()) {
    const path = `${folder}/samples-${paths.length}.safetensors`;
    await writeSafetensors(
      path,
      stack(group, (shape) => shape),
    );
    paths.push(path);
  }
  return paths;
}

/**
 * One tensor for each input, first dimension = samples.
 * @param {Sample[]} samples @param {(shape: number[]) => number[]} inner the other dimensions
 * @returns {Map<string, import("modelpress").Tensor>}
 */
function stack(samples, inner) {
  const [first] = samples;
  if (first === undefined) throw new Error("there are no samples");
  return new Map(
    Object.entries(first.feeds).map(([name, { shape, data }]) => {
      const isFloat = data instanceof Float32Array;
      const length = samples.length * data.length;
      const all = isFloat ? new Float32Array(length) : new BigInt64Array(length);
      for (const [i, { feeds }] of samples.entries())
        all.set(/** @type {any} */ (feeds[name]?.data), i * data.length);
      return [
        name,
        { dtype: isFloat ? "float32" : "int64", shape: [samples.length, ...inner(shape)], data: all },
      ];
    }),
  );
}
