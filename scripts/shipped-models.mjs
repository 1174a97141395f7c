import { existsSync } from "node:fs";
import { float16ToFloat32, readSafetensors } from "modelpress";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { OCR_MODELS, rows } from "./labelled-sets.mjs";

/**
 * @typedef {import("./labelled-sets.mjs").Sample} Sample
 * @typedef {import("./labelled-sets.mjs").Feed} Feed
 */

/** Of a page's text, and of a frame's speech, the model is sure enough from here on; both are the packages' own. */
const TEXT = 0.3;
const SPEECH = 0.5;

const PIXEL_MEAN = [0.485, 0.456, 0.406];
const PIXEL_DEVIATION = [0.229, 0.224, 0.225];

const FRAME = 512;
const BEFORE = 64;
const CALIBRATION_CLIPS = 4;

/**
 * Text detection on pages of two sizes, the first six for calibration. `masks` are where a model sees text, `overlap` is
 * intersection over union of all pages' together.
 * @param {string} folder with data/ocr_det.safetensors
 */
export function textDetection(folder) {
  const path = `${folder}/data/ocr_det.safetensors`;
  if (!existsSync(path)) return undefined;
  const { tensors } = readSafetensors(path);
  const pages = ["320x320", "480x640"].flatMap((size) => {
    const truths = rows(tensors, `m${size}`);
    return rows(tensors, `x${size}`).map((row, i) => ({ feeds: page(row), truth: truths[i]?.data }));
  });
  const test = pages.slice(6);
  return {
    name: "ocr_det",
    model: `${OCR_MODELS}/ch_PP-OCRv4_det_infer.onnx`,
    calibration: pages.slice(0, 6).map(({ feeds }) => ({ feeds })),
    truth: test.map(({ truth }) => Array.from(/** @type {Uint8Array} */ (truth), (value) => value > 0)),
    /** @param {string} model */
    async masks(model) {
      const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
      const found = [];
      for (const { feeds } of test) {
        const [scores] = await outputs(session, feeds);
        found.push(Array.from(scores, (score) => score > TEXT));
      }
      await session.release();
      return found;
    },
  };
}

/** @param {boolean[][]} a @param {boolean[][]} b */
export function overlap(a, b) {
  let both = 0;
  let either = 0;
  for (const [i, mask] of a.entries())
    for (const [j, isText] of mask.entries()) {
      const other = b[i]?.[j] ?? false;
      both += Number(isText && other);
      either += Number(isText || other);
    }
  return both / either;
}

/**
 * Speech in clips, frame by frame with the state of the frame before; the first clips are for calibration, every eighth
 * frame of them.
 * @param {string} folder with data/vad.safetensors
 * @param {string} model silero_vad_v5.onnx of @ricky0123/vad-web, or another of the kind
 */
export async function voiceActivity(folder, model) {
  const path = `${folder}/data/vad.safetensors`;
  if (!existsSync(path)) return undefined;
  const { tensors } = readSafetensors(path);
  const clips = rows(tensors, "pcm").map(({ data }) => Float32Array.from(data, (value) => value / 32768));
  const labels = rows(tensors, "label").map(({ data }) =>
    float16ToFloat32(/** @type {any} */ (data)).map((share) => Number(share > SPEECH)),
  );
  const calibration = [];
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  for (const clip of clips.slice(0, CALIBRATION_CLIPS))
    for await (const { feeds, index } of listen(session, clip))
      if (index % 8 === 0) calibration.push({ feeds });
  await session.release();
  return {
    name: "silero_vad",
    model,
    calibration,
    /** The share of frames that a model tells right. @param {string} candidate */
    async accuracy(candidate) {
      const session = await InferenceSession.create(candidate, { intraOpNumThreads: 1 });
      let right = 0;
      let count = 0;
      for (const [i, clip] of clips.entries()) {
        if (i < CALIBRATION_CLIPS) continue;
        for await (const { index, speech } of listen(session, clip)) {
          right += Number(Number(speech > SPEECH) === labels[i]?.[index]);
          count++;
        }
      }
      await session.release();
      return right / count;
    },
  };
}

/** @param {InferenceSession} session @param {Float32Array} clip */
async function* listen(session, clip) {
  let state = new Float32Array(2 * 128);
  for (let index = 0; (index + 1) * FRAME <= clip.length; index++) {
    const input = new Float32Array(BEFORE + FRAME);
    const from = index * FRAME - BEFORE;
    input.set(clip.subarray(Math.max(0, from), from + input.length), Math.max(0, -from));
    /** @type {Record<string, Feed>} */
    const feeds = {
      input: { shape: [1, input.length], data: input },
      state: { shape: [2, 1, 128], data: state },
      sr: { shape: [], data: BigInt64Array.of(16000n) },
    };
    const [[speech = Number.NaN], next] = await outputs(session, feeds);
    yield { feeds, index, speech };
    state = next;
  }
}

/** @param {InferenceSession} session @param {Record<string, Feed>} feeds */
async function outputs(session, feeds) {
  const inputs = Object.entries(feeds).map(([name, { data, shape }]) => [
    name,
    new Tensor(data instanceof Float32Array ? "float32" : "int64", /** @type {any} */ (data), shape),
  ]);
  const results = await session.run(Object.fromEntries(inputs));
  return /** @type {any} */ (session.outputNames.map((name) => results[name]?.data));
}

/** Colours of pixels to planes of normalized ones. @param {import("./labelled-sets.mjs").Row} row */
function page({ shape: [height = 0, width = 0], data }) {
  const pixels = height * width;
  const x = new Float32Array(3 * pixels);
  for (const [channel, mean] of PIXEL_MEAN.entries())
    for (let pixel = 0; pixel < pixels; pixel++)
      x[channel * pixels + pixel] =
        ((data[3 * pixel + channel] ?? 0) / 255 - mean) / (PIXEL_DEVIATION[channel] ?? 1);
  return { x: { shape: [1, 3, height, width], data: x } };
}
