// Kills writers at random moments, and looks at what they leave: the old file or the new one, whole. The tests do this a few times.
//   node scripts/kill-writers.mjs [--kills N] [--format FORMAT]... [--seed N] [--folder DIR]
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { writeOnnx } from "../build/lib/index.js";
import { deferTensor } from "../build/lib/onnx/deferred.js";
import { ModelProtoSchema } from "../build/lib/onnx/proto/onnx_pb.js";
import { openModel } from "../build/lib/onnx/read.js";
import { killWriters } from "./kill-writers/kill.mjs";
import { isLeftover, TARGETS } from "./kill-writers/targets.mjs";

const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    format: { type: "string", multiple: true, default: Object.keys(TARGETS) },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    folder: { type: "string", default: tmpdir() },
  },
});
/** A model of two tensors, for the writers of ONNX. @param {string} path */
async function makeModel(path) {
  const initializer = ["a", "b"].map((name) =>
    deferTensor(name, "float32", [100_000], (data) => void data.fill(/** @type {never} */ (0))),
  );
  const graph = { name: "weights", initializer };
  const model = create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph });
  await writeOnnx(path, openModel(model));
  return path;
}

let state = Number(options.seed) >>> 0 || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

console.log(`seed ${options.seed}`);
const folder = mkdtempSync(join(options.folder, "modelpress-kill-"));
try {
  const base = await makeModel(join(folder, "base.onnx"));
  for (const format of options.format) {
    const own = join(folder, format);
    mkdirSync(own);
    const kills = Number(options.kills);
    const inTheMiddle = await killWriters(format, { folder: own, base, kills, random });
    const name = TARGETS[format]?.name ?? "";
    const others = readdirSync(own).filter((other) => other !== name && !isLeftover(other, name));
    if (others.length > 0) throw new Error(`${format}: left over: ${others.join(", ")}`);
    console.log(`${format}: ${kills} kills, ${inTheMiddle} in the middle of a file; always whole`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
