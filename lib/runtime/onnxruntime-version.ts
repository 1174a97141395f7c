import { readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveOnnxruntime } from "./load-onnxruntime.js";

/** Version of the onnxruntime-node that would run models, as [major, minor]; undefined where there is none. */
export function onnxruntimeVersion(): [number, number] | undefined {
  const entry = resolveOnnxruntime();
  if (entry === undefined) return undefined;
  // Its main file is dist/index.js, and package.json is not among its exports in every version.
  const { version } = JSON.parse(readFileSync(join(entry, "..", "..", "package.json"), "utf8"));
  const [major, minor] = (version as string).split(".").map(Number);
  return [major!, minor!];
}
