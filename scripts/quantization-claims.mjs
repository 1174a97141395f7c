/**
 * @typedef {{ score: number, db?: number, overlap?: number, ratio: number }} Judged what a model keeps: accuracy, or errors per character;
 *   decibels of its outputs; for masks their overlap with those of the float model; its bytes by those of the float model
 * @typedef {{ name: string, float: Judged, ours: Record<string, Judged>, peers: Record<string, Judged> }} Results
 * @typedef {{ claim: string, holds: boolean, figure: string }} Claim
 */

const TRANSFORMERS = ["digits_vit", "mnist_vit", "spam_encoder"];
const TEXT = ["spam_encoder", "spam_lstm"];
const STATIC_PEERS = [
  "static minmax, per channel",
  "static entropy, per channel",
  "static percentile, per channel",
];
const ROUNDED_PEERS = ["4-bit weights", "4-bit weights, zero points"];

/** What is asked of the ways to quantize one model. @param {Results} results @returns {Claim[]} */
export function claimsOf(results) {
  if (results.name === "ocr_rec") return [...recognition(results)];
  if (results.name === "ocr_det") return [...detection(results)];
  if (results.name === "silero_vad") return [...voice(results)];
  return [...classifier(results)];
}

/** @param {Results} results @returns {Generator<Claim>} */
function* classifier({ name, float, ours, peers }) {
  for (const way of ["int8 static", "int8 static, integer operators"]) {
    yield within(way, 0.003, float, ours[way]);
    yield* besidePeers(way, ours[way], peers);
  }
  if (name === "mnist_dw_skewed")
    yield {
      claim: "int8 static: accuracy of at least 0.990",
      holds: (ours["int8 static"]?.score ?? 0) >= 0.99,
      figure: figure(ours["int8 static"]?.score),
    };
  if (TRANSFORMERS.includes(name) || TEXT.includes(name))
    yield within("int8 dynamic", 0.003, float, ours["int8 dynamic"]);
  if (TRANSFORMERS.includes(name))
    yield within("int8 static, smoothed", 0.003, float, ours["int8 static, smoothed"]);
  if (!TRANSFORMERS.includes(name) && !TEXT.includes(name)) return;
  for (const way of ["4-bit weights", "4-bit weights, calibrated"])
    yield within(way, 0.005, float, ours[way]);
  if (TRANSFORMERS.includes(name)) yield* nearerThanRounded(ours, peers);
}

/** @param {Results} results @returns {Generator<Claim>} */
function* recognition({ ours }) {
  const errors = ours["int8 static"]?.score;
  yield {
    claim: "int8 static: at most 0.026 errors per character",
    holds: (errors ?? 1) <= 0.026,
    figure: figure(errors),
  };
}

/** @param {Results} results @returns {Generator<Claim>} */
function* detection({ float, ours }) {
  const made = ours["int8 static"];
  yield small("int8 static", 0.32, made);
  yield {
    claim: "int8 static: overlap with the text within 0.01 of float32, with its mask at least 0.88",
    holds: (made?.score ?? 0) >= float.score - 0.01 && (made?.overlap ?? 0) >= 0.88,
    figure: `${figure(made?.score)} of ${figure(float.score)}, ${figure(made?.overlap)}`,
  };
}

/** @param {Results} results @returns {Generator<Claim>} */
function* voice({ float, ours }) {
  for (const way of ["int8 static", "int8 dynamic", "int8 weights"]) {
    yield small(way, 0.45, ours[way]);
    yield within(way, 0.003, float, ours[way]);
  }
}

/** @param {string} way @param {number} most @param {Judged} float @param {Judged | undefined} made @returns {Claim} */
function within(way, most, float, made) {
  return {
    claim: `${way}: accuracy within ${most} of float32`,
    holds: made !== undefined && float.score - made.score <= most + Number.EPSILON,
    figure: `${figure(made?.score)} of ${figure(float.score)}`,
  };
}

/** @param {string} way @param {number} most @param {Judged | undefined} made @returns {Claim} */
function small(way, most, made) {
  return {
    claim: `${way}: at most ${most} of the bytes`,
    holds: (made?.ratio ?? 1) <= most,
    figure: figure(made?.ratio),
  };
}

/** @param {string} way @param {Judged | undefined} made @param {Results["peers"]} peers @returns {Generator<Claim>} */
function* besidePeers(way, made, peers) {
  const scores = STATIC_PEERS.flatMap((peer) => peers[peer]?.score ?? []);
  if (scores.length === 0) return;
  const best = Math.max(...scores);
  yield {
    claim: `${way}: accuracy at most 0.001 below the best of onnxruntime's`,
    holds: (made?.score ?? 0) >= best - 0.001 - Number.EPSILON,
    figure: `${figure(made?.score)} beside ${figure(best)}`,
  };
}

/** With the weights in blocks that the other has in blocks. @param {Results["ours"]} ours @param {Results["peers"]} peers @returns {Generator<Claim>} */
function* nearerThanRounded(ours, peers) {
  for (const way of ["4-bit weights, of MatMul only", "4-bit weights, of MatMul only, calibrated"])
    for (const peer of ROUNDED_PEERS) {
      const made = ours[way]?.db;
      const rounded = peers[peer]?.db;
      if (rounded === undefined) continue;
      yield {
        claim: `${way}: less error in the outputs than onnxruntime's ${peer}`,
        holds: (made ?? 0) > rounded,
        figure: `${made?.toFixed(1)} dB beside ${rounded.toFixed(1)} dB`,
      };
    }
}

/** @param {number | undefined} value */
const figure = (value) => value?.toFixed(4) ?? "none";
