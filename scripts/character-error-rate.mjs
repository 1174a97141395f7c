import { InferenceSession, Tensor } from "onnxruntime-node";

/**
 * Edits that turn the text a recognition model reads into the true one, per true character. The model gives a score per
 * character for each step along the line; of runs of the best one counts, and character 0 is none.
 * @param {string} model
 * @param {import("./labelled-sets.mjs").Sample[]} samples
 * @param {string[]} characters
 */
export async function characterErrorRate(model, samples, characters) {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  let edits = 0;
  let length = 0;
  for (const { feeds, text = "" } of samples) {
    const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new Tensor("float32", data, shape),
    ]);
    const [scores] = Object.values(await session.run(Object.fromEntries(inputs)));
    if (!scores) throw new Error(`${model} has no output`);
    edits += distance(read(/** @type {Float32Array} */ (scores.data), characters), text);
    length += text.length;
  }
  session.release();
  return edits / length;
}

/** @param {Float32Array} scores @param {string[]} characters */
function read(scores, characters) {
  let text = "";
  let last = 0;
  for (let from = 0; from < scores.length; from += characters.length) {
    const step = scores.subarray(from, from + characters.length);
    const best = step.indexOf(Math.max(...step));
    if (best !== last) text += characters[best];
    last = best;
  }
  return text;
}

/** Insertions, deletions and substitutions (Levenshtein). @param {string} a @param {string} b */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
