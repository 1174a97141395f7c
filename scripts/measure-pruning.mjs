// What each way to choose what goes and to repair what stays keeps of a pruned model, alone and together, on models with
// labelled data.
//   node scripts/measure-pruning.mjs [DATA_FOLDER] [--sparsity S]... [--pattern N:M]... [--model NAME]... [--method NAME]...
//                                    [--normalized] [--samples N] [--test N] [--accuracy-only] [--json]
// "held out" is the signal-to-noise ratio of the outputs on the last quarter of the calibration samples, with the rest to
// calibrate on: what choices are made by; --accuracy-only leaves it out. Accuracy is of the test set, which no choice sees.
// --normalized takes the models whose BatchNormalization is not folded into weights. All weights take part, however few values
// they have.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareModels, pruneModel } from "modelpress";
import { labelledModels } from "./labelled-sets.mjs";

/** @type {Record<string, Partial<import("modelpress").PruneOptions>>} */
const METHODS = {
  magnitude: { score: "magnitude" },
  lamp: { score: "lamp" },
  wanda: { score: "wanda", repair: [] },
  sparsegpt: { score: "sparsegpt", repair: [] },
  "magnitude, bias": { score: "magnitude", repair: ["bias"] },
  "magnitude, batch-norm": { score: "magnitude", repair: ["batch-norm"] },
  "magnitude, least-squares": { score: "magnitude", repair: ["least-squares"] },
  "magnitude, least-squares + bias": { score: "magnitude", repair: ["least-squares", "bias"] },
  "lamp, least-squares + bias": { score: "lamp", repair: ["least-squares", "bias"] },
  "wanda, bias": { score: "wanda", repair: ["bias"] },
  "wanda, batch-norm": { score: "wanda", repair: ["batch-norm"] },
  "wanda, least-squares": { score: "wanda", repair: ["least-squares"] },
  "wanda, least-squares + bias": { score: "wanda", repair: ["least-squares", "bias"] },
  "wanda, all": { score: "wanda", repair: ["least-squares", "batch-norm"] },
  "sparsegpt, bias": { score: "sparsegpt", repair: ["bias"] },
  "sparsegpt, least-squares + bias": { score: "sparsegpt", repair: ["least-squares", "bias"] },
  "sparsegpt, all": { score: "sparsegpt", repair: ["least-squares", "batch-norm"] },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sparsity: { type: "string", multiple: true, default: [] },
    pattern: { type: "string", multiple: true, default: [] },
    model: { type: "string", multiple: true, default: [] },
    method: { type: "string", multiple: true, default: Object.keys(METHODS) },
    normalized: { type: "boolean", default: false },
    samples: { type: "string" },
    test: { type: "string" },
    "accuracy-only": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
/** @type {{ sparsity?: number, pattern?: string }[]} */
const amounts = [
  ...values.sparsity.map((sparsity) => ({ sparsity: Number(sparsity) })),
  ...values.pattern.map((pattern) => ({ pattern })),
];
if (amounts.length === 0) amounts.push({ sparsity: 0.7 });

const folder = await mkdtemp(join(tmpdir(), "modelpress-pruning-"));
const output = join(folder, "pruned.onnx");

/** @param {string} model @param {object[]} samples @param {Partial<import("modelpress").PruneOptions>} options */
async function prune(model, samples, options) {
  const isCalibrated = options.repair !== undefined;
  const data = isCalibrated ? { data: /** @type {any} */ (samples) } : {};
  const result = await pruneModel(model, { minSize: 1, ...options, ...data, output });
  result.model?.close();
  return result;
}

/** @param {string} model @param {object[]} samples */
async function compare(model, samples) {
  const data = /** @type {any} */ (samples);
  const { outputs, accuracy } = await compareModels(model, output, { data, latency: false });
  return { db: outputs[0]?.sqnrDb ?? Number.NaN, accuracy };
}

/** @param {string} model @param {object[]} samples @param {Partial<import("modelpress").PruneOptions>} options */
async function heldOut(model, samples, options) {
  const seen = samples.slice(0, Math.ceil(0.75 * samples.length));
  await prune(model, seen, options);
  return (await compare(model, samples.slice(seen.length))).db;
}

/** @param {number | undefined} value */
const percent = (value) => `${(100 * (value ?? Number.NaN)).toFixed(2)} %`;

try {
  for (const { name, model, calibration, test: all } of labelledModels(positionals[0], values.model)) {
    const path = values.normalized ? model.replace(/\.onnx$/, "_bn.onnx") : model;
    if (!existsSync(path)) continue;
    const samples = calibration.slice(0, Number(values.samples ?? calibration.length));
    const test = all.slice(0, Number(values.test ?? all.length));
    for (const amount of amounts) {
      const what = amount.pattern ?? `${100 * (amount.sparsity ?? 0)} %`;
      if (!values.json)
        console.log(`\n${name}, ${what}: ${samples.length} calibration samples, ${test.length} to judge by`);
      for (const method of values.method) {
        const options = METHODS[method];
        if (options === undefined) throw new Error(`There is no method ${JSON.stringify(method)}`);
        const held = values["accuracy-only"]
          ? undefined
          : await heldOut(path, samples, { ...amount, ...options });
        const started = performance.now();
        const { sparsity } = await prune(path, samples, { ...amount, ...options });
        const seconds = (performance.now() - started) / 1000;
        const { accuracy } = await compare(path, test);
        const { candidate, reference } = accuracy ?? {};
        const facts = { name, ...amount, method, sparsity, heldOutDb: held, seconds };
        if (values.json) console.log(JSON.stringify({ ...facts, accuracy: candidate, reference }));
        else
          console.log(
            [
              method.padEnd(32),
              `zeros ${percent(sparsity)}`,
              held === undefined ? "" : `held out ${held.toFixed(1)} dB`.padStart(17),
              `accuracy ${percent(candidate)} of ${percent(reference)}`,
              `${seconds.toFixed(1)} s`.padStart(7),
            ].join("  "),
          );
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
