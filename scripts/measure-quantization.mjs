// What every way to quantize makes of each model with labelled data, beside all that onnxruntime's own quantizer makes of it, and
// whether what is asked of it holds.
//   node scripts/measure-quantization.mjs [--data FOLDER] [--vad MODEL] [--python PYTHON] [--model NAME]... [--json]
// Ways see calibration samples only; all figures are of the test set, run in onnxruntime-node. --vad is silero_vad_v5.onnx of the
// package @ricky0123/vad-web. --python names one with onnxruntime, onnx and safetensors: its quantizer gets the same samples, and
// its checker all that is made here. Ends with 1 where something does not hold.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareModels, quantizeModel } from "modelpress";
import { characterErrorRate } from "./character-error-rate.mjs";
import { labelledModels } from "./labelled-sets.mjs";
import { checkInPython, quantizeInPython } from "./python-tools.mjs";
import { claimsOf } from "./quantization-claims.mjs";
import { overlap, textDetection, voiceActivity } from "./shipped-models.mjs";

/**
 * @typedef {import("./labelled-sets.mjs").Sample} Sample
 * @typedef {import("./quantization-claims.mjs").Judged} Judged
 * @typedef {Omit<Judged, "ratio">} Kept
 * @typedef {{ name: string, model: string, calibration: Sample[], judge: (path: string) => Promise<Kept> }} JudgedModel
 * @typedef {import("modelpress").QuantizeOptions} Options
 */

/** What onnxruntime's quantizer puts into blocks. @type {Options} */
const PRODUCTS = { bits: 4, blockSize: 32, headBits: 4, opTypes: ["MatMul"] };

/** @type {Record<string, (data: any) => Options>} */
const WAYS = {
  "int8 static": (data) => ({ data }),
  "int8 static, integer operators": (data) => ({ data, format: "qoperator" }),
  "int8 static, smoothed": (data) => ({ data, smooth: true }),
  "int8 dynamic": () => ({ mode: "dynamic" }),
  "int8 weights": () => ({ mode: "weights" }),
  "4-bit weights": () => ({ bits: 4, blockSize: 32 }),
  "4-bit weights, calibrated": (data) => ({ bits: 4, blockSize: 32, data }),
  "4-bit weights, of MatMul only": () => ({ ...PRODUCTS }),
  "4-bit weights, of MatMul only, calibrated": (data) => ({ ...PRODUCTS, data }),
  float16: () => ({ mode: "float16" }),
};

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    vad: { type: "string" },
    python: { type: "string" },
    model: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});

/** @returns {AsyncGenerator<JudgedModel>} */
async function* judgedModels() {
  for (const { name, model, calibration, test, characters } of labelledModels(options.data, options.model))
    yield {
      name,
      model,
      calibration,
      judge: async (path) =>
        characters
          ? { score: await characterErrorRate(path, test, characters) }
          : classify(model, path, test),
    };
  const { data, vad } = options;
  const pages = data !== undefined && wanted("ocr_det") ? textDetection(data) : undefined;
  if (pages) {
    const seen = await pages.masks(pages.model);
    yield {
      ...pages,
      judge: async (path) => {
        const masks = await pages.masks(path);
        return { score: overlap(masks, pages.truth), overlap: overlap(masks, seen) };
      },
    };
  }
  const clips =
    data !== undefined && vad !== undefined && wanted("silero_vad")
      ? await voiceActivity(data, vad)
      : undefined;
  if (clips) yield { ...clips, judge: async (path) => ({ score: await clips.accuracy(path) }) };
}

/** @param {string} name */
const wanted = (name) => options.model.length === 0 || options.model.includes(name);

/** @param {string} model @param {string} path @param {Sample[]} test @returns {Promise<Kept>} */
async function classify(model, path, test) {
  const data = /** @type {any} */ (test);
  const { accuracy, outputs } = await compareModels(model, path, { data, latency: false });
  return { score: accuracy?.candidate ?? Number.NaN, db: outputs[0]?.sqnrDb ?? Number.NaN };
}

/** @param {JudgedModel} judged @param {string} path @returns {Promise<Judged>} */
async function measure({ model, judge }, path) {
  const [before, after] = await Promise.all([stat(model), stat(path)]);
  return { ...(await judge(path)), ratio: after.size / before.size };
}

/** @param {JudgedModel} judged @param {string} folder */
async function quantize(judged, folder) {
  /** @type {Record<string, Judged>} */
  const ours = {};
  /** By path. @type {Map<string, string>} */
  const made = new Map();
  for (const [way, optionsOf] of Object.entries(WAYS)) {
    const output = join(folder, `${made.size}.onnx`);
    try {
      const { model } = await quantizeModel(judged.model, { ...optionsOf(judged.calibration), output });
      model.close();
    } catch (cause) {
      show(way, /** @type {Error} */ (cause).message);
      continue;
    }
    made.set(output, way);
    ours[way] = await measure(judged, output);
    show(way, ours[way]);
  }
  return { ours, made };
}

/** @param {JudgedModel} judged @param {string} folder */
async function quantizeElsewhere(judged, folder) {
  /** @type {Record<string, Judged>} */
  const peers = {};
  if (options.python === undefined) return peers;
  const made = await quantizeInPython(options.python, judged.model, judged.calibration, folder);
  for (const [name, { path, error }] of Object.entries(made)) {
    try {
      if (path === undefined) throw new Error(error);
      peers[name] = await measure(judged, path);
      show(`onnxruntime's ${name}`, peers[name]);
    } catch (cause) {
      show(`onnxruntime's ${name}`, /** @type {Error} */ (cause).message);
    }
  }
  return peers;
}

/** @param {Map<string, string>} made @returns {import("./quantization-claims.mjs").Claim[]} */
function check(made) {
  if (options.python === undefined) return [];
  const faults = Object.entries(checkInPython(options.python, [...made.keys()])).flatMap(([path, fault]) =>
    fault === null ? [] : [`${made.get(path)}: ${fault}`],
  );
  return [
    {
      claim: "the checker of the package onnx passes all",
      holds: faults.length === 0,
      figure: faults.join("; "),
    },
  ];
}

/** @param {string} what @param {Judged | string} judged */
function show(what, judged) {
  if (options.json) return;
  if (typeof judged === "string") return console.log(`  ${what.padEnd(44)} ${judged.slice(0, 90)}`);
  const { score, db, overlap, ratio } = judged;
  const nearness =
    db === undefined ? (overlap === undefined ? "" : `mask ${overlap.toFixed(3)}`) : `${db.toFixed(1)} dB`;
  console.log(`  ${what.padEnd(44)} ${score.toFixed(4)}  ${nearness.padStart(11)}  ${ratio.toFixed(3)}x`);
}

const failed = [];
for await (const judged of judgedModels()) {
  const folder = await mkdtemp(join(tmpdir(), "modelpress-quantization-"));
  const elsewhere = await mkdtemp(join(tmpdir(), "modelpress-quantization-"));
  try {
    if (!options.json) console.log(`\n${judged.name}: ${judged.calibration.length} calibration samples`);
    const float = await measure(judged, judged.model);
    show("float32", float);
    const { ours, made } = await quantize(judged, folder);
    const peers = await quantizeElsewhere(judged, elsewhere);
    const claims = [...claimsOf({ name: judged.name, float, ours, peers }), ...check(made)];
    if (options.json) console.log(JSON.stringify({ name: judged.name, float, ours, peers, claims }));
    for (const { claim, holds, figure } of claims) {
      if (!holds) failed.push(`${judged.name}: ${claim}: ${figure}`);
      if (!options.json) console.log(`  ${holds ? "holds" : "FAILS"}  ${claim}  ${figure}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(elsewhere, { recursive: true, force: true });
  }
}
if (failed.length > 0) {
  console.error(`\n${failed.length} do not hold:\n${failed.join("\n")}`);
  process.exitCode = 1;
}
