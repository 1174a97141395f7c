// What models with labelled data keep when whole channels are taken out of them, and how much faster onnxruntime runs them
// then: both models in turn in one process, on one thread.
//   node scripts/measure-channels.mjs [DATA_FOLDER] [--sparsity S]... [--model NAME]... [--scope SCOPE] [--min-kept SHARE]
//                                     [--batch N]... [--samples N] [--test N] [--accuracy-only] [--json]
// DATA_FOLDER holds models/NAME.onnx and data/SET.safetensors; without it the models of the repository are taken. Accuracy is of the
// test set, which no choice sees. --batch says how many samples a timed run takes; default 1 and 32.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compareModels, pruneModel } from "modelpress";
import { labelledModels } from "./labelled-sets.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sparsity: { type: "string", multiple: true, default: ["0.5"] },
    model: { type: "string", multiple: true, default: [] },
    scope: { type: "string" },
    "min-kept": { type: "string" },
    batch: { type: "string", multiple: true, default: ["1", "32"] },
    samples: { type: "string" },
    test: { type: "string" },
    "accuracy-only": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const minKept = values["min-kept"] === undefined ? undefined : Number(values["min-kept"]);

/** So many samples as one. @param {any[]} samples @param {number} count */
function stacked(samples, count) {
  const taken = Array.from({ length: count }, (_, i) => samples[i % samples.length].feeds);
  const feeds = Object.entries(taken[0]).map(([name, { shape, data }]) => {
    const all = new data.constructor(count * data.length);
    for (const [i, each] of taken.entries()) all.set(each[name].data, i * data.length);
    return [name, { shape: [count, ...shape.slice(1)], data: all }];
  });
  return [{ feeds: Object.fromEntries(feeds) }];
}

/** @param {number | undefined} value */
const percent = (value) => `${(100 * (value ?? Number.NaN)).toFixed(2)} %`;

const folder = await mkdtemp(join(tmpdir(), "modelpress-channels-"));
const output = join(folder, "pruned.onnx");
try {
  for (const { name, model, calibration, test: all } of labelledModels(positionals[0], values.model)) {
    if (!existsSync(model)) continue;
    const data = /** @type {any} */ (calibration.slice(0, Number(values.samples ?? calibration.length)));
    const test = /** @type {any} */ (all.slice(0, Number(values.test ?? all.length)));
    for (const sparsity of values.sparsity.map(Number)) {
      const options = { sparsity, scope: /** @type {any} */ (values.scope), minKept, data, output };
      const started = performance.now();
      const result = await pruneModel(model, { pattern: "channel", ...options });
      result.model.close();
      const seconds = (performance.now() - started) / 1000;
      const { accuracy } = await compareModels(model, output, { data: test, latency: false });
      const speedups = [];
      for (const batch of values["accuracy-only"] ? [] : values.batch.map(Number)) {
        const { latency } = await compareModels(model, output, { data: stacked(test, batch) });
        speedups.push({ batch, speedup: latency?.speedup });
      }
      const multiplications = result.multiplications.after / result.multiplications.before;
      const { candidate, reference } = accuracy ?? {};
      const facts = { name, sparsity, multiplications, accuracy: candidate, reference, speedups, seconds };
      if (values.json) console.log(JSON.stringify(facts));
      else
        console.log(
          [
            name.padEnd(16),
            percent(sparsity).padStart(8),
            `multiplications ${percent(multiplications)}`,
            `accuracy ${percent(candidate)} of ${percent(reference)}`,
            ...speedups.map(({ batch, speedup }) => `batch ${batch}: ${speedup?.toFixed(2)}x`),
            `${seconds.toFixed(1)} s`,
          ].join("  "),
        );
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
