// What each way to quantize better than by rounding to nearest buys, alone and together, on models with labelled data.
//   node scripts/measure-repairs.mjs [--data FOLDER] [--model NAME]... [--method NAME]... [--samples N] [--json]
// "held out" is the signal-to-noise ratio of the outputs on the last quarter of the calibration samples, with the rest to
// calibrate on: what choices are made by. Accuracy and the other ratio are of the test set, which no choice sees.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareModels, quantizeModel } from "modelpress";
import { characterErrorRate } from "./character-error-rate.mjs";
import { labelledModels } from "./labelled-sets.mjs";

/** @type {Record<string, import("modelpress").QuantizeOptions>} */
const METHODS = {
  default: {},
  "without equalization": { equalize: false },
  "compensated rounding": { rounding: "compensated" },
  "bias correction, analytical": { correctBias: "analytical" },
  "bias correction, empirical": { correctBias: "empirical" },
  "weight scales by squared error": { weightScales: "mse" },
  smoothing: { smooth: true },
  "compensated rounding and empirical bias correction": { rounding: "compensated", correctBias: "empirical" },
  "all of these": { rounding: "compensated", correctBias: "empirical", weightScales: "mse", smooth: true },
};

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    model: { type: "string", multiple: true, default: [] },
    method: { type: "string", multiple: true, default: Object.keys(METHODS) },
    samples: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const folder = await mkdtemp(join(tmpdir(), "modelpress-repairs-"));
const output = join(folder, "int8.onnx");

/** @param {string} model @param {import("modelpress").QuantizeOptions} options */
async function quantize(model, options) {
  const result = await quantizeModel(model, { ...options, mode: "static", output });
  result.model.close();
  return result;
}

/** @param {string} model @param {object[]} data */
async function noise(model, data) {
  const { outputs, accuracy } = await compareModels(model, output, {
    data: /** @type {any} */ (data),
    latency: false,
  });
  return { db: outputs[0]?.sqnrDb ?? Number.NaN, accuracy: accuracy?.candidate, float: accuracy?.reference };
}

/** @param {number} value */
const percent = (value) => `${(100 * value).toFixed(2)} %`;

try {
  for (const { name, model, calibration, test, characters } of labelledModels(values.data, values.model)) {
    const samples = calibration.slice(0, Number(values.samples ?? calibration.length));
    const seen = samples.slice(0, Math.ceil(0.75 * samples.length));
    const held = samples.slice(seen.length);
    if (!values.json)
      console.log(`\n${name}: ${samples.length} calibration samples, ${test.length} to judge by`);
    for (const method of values.method) {
      const options = METHODS[method];
      if (options === undefined) throw new Error(`There is no method ${JSON.stringify(method)}`);
      await quantize(model, { ...options, data: seen });
      const choice = await noise(model, held);
      const started = performance.now();
      const { size } = await quantize(model, { ...options, data: samples });
      const seconds = (performance.now() - started) / 1000;
      const { db, accuracy, float } = await noise(model, test);
      const errors = characters && (await characterErrorRate(output, test, characters));
      const floatErrors = characters && (await characterErrorRate(model, test, characters));
      const facts = { name, method, heldOutDb: choice.db, db, accuracy, float, errors, floatErrors, seconds };
      if (values.json) console.log(JSON.stringify({ ...facts, ratio: size.after / size.before }));
      else
        console.log(
          [
            method.padEnd(50),
            `held out ${choice.db.toFixed(1)} dB`.padStart(17),
            `test ${db.toFixed(1)} dB`.padStart(13),
            errors === undefined
              ? `accuracy ${percent(accuracy ?? 0)} of ${percent(float ?? 0)}`
              : `character errors ${percent(errors)} of ${percent(floatErrors ?? 0)}`,
            `${seconds.toFixed(1)} s`.padStart(7),
          ].join("  "),
        );
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
