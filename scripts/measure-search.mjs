// What one command with its defaults makes of each labelled model, beside all that onnxruntime's own quantizer makes of it.
//   node scripts/measure-search.mjs [--data FOLDER] [--model NAME]... [--samples N] [--budget TIME] [--python PYTHON] [--json]
// A search gets the calibration samples and the first N of the test set (default 1000, at most half of it); accuracy is that of the
// whole test set. --python names one with onnxruntime, onnx and safetensors, which gets the calibration samples. Both are measured
// here: accuracy, bytes, and the speed in turn with the original, one thread. Of the configurations of the other tool that lose no
// more than 0.003, the best is the one of the least time x size. A search is worse than it where its own time x size is more than
// 3 % above, beyond what times vary by, or where it refused what the other tool found.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compareModels } from "modelpress";
import { labelledModels } from "./labelled-sets.mjs";
import { quantizeInPython } from "./python-tools.mjs";
import { writeSamples } from "./write-samples.mjs";

/**
 * @typedef {import("./labelled-sets.mjs").Sample} Sample
 * @typedef {{ accuracy: number, float: number, ratio: number, speedup: number }} Measured
 */

const MAX_DROP = 0.003;
const SAME_COST = 1.03;

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    model: { type: "string", multiple: true, default: [] },
    samples: { type: "string", default: "1000" },
    budget: { type: "string", default: "5m" },
    python: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** @param {string} model @param {string} candidate @param {Sample[]} test @returns {Promise<Measured>} */
async function measure(model, candidate, test) {
  const { accuracy, size, latency } = await compareModels(model, candidate, {
    data: /** @type {any} */ (test),
  });
  return {
    accuracy: accuracy?.candidate ?? Number.NaN,
    float: accuracy?.reference ?? Number.NaN,
    ratio: size.ratio,
    speedup: latency?.speedup ?? Number.NaN,
  };
}

/** The search as somebody types it. @param {string} model @param {string} samples @param {string} folder */
function search(model, samples, folder) {
  const start = performance.now();
  const args = [
    cli,
    "optimize",
    model,
    "-o",
    folder,
    "--data",
    samples,
    "--labels",
    "label",
    "--budget",
    options.budget,
    "--json",
  ];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  if (last.event !== "result") throw new Error(`${model}: ${last.error?.message ?? stderr}`);
  return { ...last, seconds: (performance.now() - start) / 1000 };
}

/**
 * Every configuration of the other tool that makes a model.
 * @param {string} model @param {Sample[]} calibration @param {string} folder @param {Sample[]} test
 */
async function others(model, calibration, folder, test) {
  if (options.python === undefined) return [];
  const made = await quantizeInPython(options.python, model, calibration, folder);
  const found = [];
  for (const [name, { path, error }] of Object.entries(made)) {
    const tried =
      path === undefined
        ? { error }
        : await measure(model, path, test).catch((cause) => ({ error: cause.message }));
    found.push({ name, ...tried });
  }
  return found;
}

/** @param {{ ratio: number, speedup: number }} measured */
const cost = ({ ratio, speedup }) => ratio / speedup;

/** @param {Measured | undefined} ours @param {Measured | undefined} best */
function standing(ours, best) {
  if (best === undefined) return "";
  if (ours === undefined) return cost(best) < 1 ? "worse: refused" : "as good: neither gains";
  if (ours.float - ours.accuracy > MAX_DROP) return "worse: loses too much";
  return cost(ours) <= SAME_COST * cost(best) ? "as good or better" : "worse";
}

/** @param {Measured} measured */
const figures = ({ accuracy, ratio, speedup }) =>
  `${accuracy.toFixed(4)}  ${ratio.toFixed(3)}x  ${speedup.toFixed(2)}x`;

console.error(`${cpus()[0]?.model}, Node ${process.version}`);
if (!options.json) console.log(`${"model".padEnd(17)} float32  ours    bytes   speed  seconds  verdict`);
for (const { name, model, calibration, test, characters } of labelledModels(options.data, options.model)) {
  if (characters) continue;
  const folder = mkdtempSync(join(tmpdir(), "modelpress-search-"));
  try {
    const seen = Math.min(Number(options.samples), test.length >> 1);
    await writeSamples(join(folder, "samples.safetensors"), [...calibration, ...test.slice(0, seen)]);
    const {
      model: result,
      report,
      seconds,
    } = search(model, join(folder, "samples.safetensors"), join(folder, "best"));
    const ours = result && (await measure(model, result, test));
    const peers = await others(model, calibration, folder, test);
    const [best] = peers
      .filter((each) => "accuracy" in each && each.float - each.accuracy <= MAX_DROP)
      .sort((a, b) => cost(/** @type {any} */ (a)) - cost(/** @type {any} */ (b)));
    const judged = standing(ours, /** @type {any} */ (best));
    if (options.json) {
      console.log(
        JSON.stringify({
          name,
          verdict: report.verdict.line,
          seconds,
          ours,
          best,
          standing: judged,
          others: peers,
        }),
      );
      continue;
    }
    console.log(
      `${name.padEnd(17)} ${ours ? `${ours.float.toFixed(4)}  ${figures(ours)}` : "refused".padEnd(30)}  ${seconds.toFixed(0).padStart(5)} s  ${report.verdict.line}`,
    );
    if (best)
      console.log(
        `${"".padEnd(17)}  other  ${figures(/** @type {any} */ (best))}           ${best.name}: ${judged}`,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
