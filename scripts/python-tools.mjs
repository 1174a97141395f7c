import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { writeWholeSamples } from "./write-samples.mjs";

/**
 * All that onnxruntime's own quantizer makes of a model, by configuration: a path in `folder`, or the error it ended with.
 * @param {string} python one with onnxruntime, onnx and safetensors
 * @param {string} model
 * @param {import("./labelled-sets.mjs").Sample[]} calibration
 * @param {string} folder
 * @returns {Promise<Record<string, { path?: string, error?: string }>>}
 */
export async function quantizeInPython(python, model, calibration, folder) {
  const samples = await writeWholeSamples(folder, calibration);
  return run(python, "python-quantizer.py", [model, folder, ...samples]);
}

/**
 * What the checker of the Python package onnx finds in models, by path; null where nothing.
 * @param {string} python @param {string[]} paths
 * @returns {Record<string, string | null>}
 */
export function checkInPython(python, paths) {
  return run(python, "python-checker.py", paths);
}

/** The JSON that a script prints last. @param {string} python @param {string} script @param {string[]} args */
function run(python, script, args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [path, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${python} ${script}: ${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
}
