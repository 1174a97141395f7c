// Kills writers at random moments, and looks at what they leave: the old file or the new one, whole. The tests do this a few times.
//   node scripts/kill-writers.mjs [--kills N] [--format FORMAT]... [--seed N] [--folder DIR]
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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
const base = fileURLToPath(new URL("../models/digits_cnn.onnx", import.meta.url));

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
