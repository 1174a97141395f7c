// Times opening, using and writing one large safetensors file, next to the plain ways of JavaScript and the disk's own speed.
//   node benchmarks/serialize/run.mjs [--bytes N] [--tensors N] [--rounds N] [--folder DIR] [--python PYTHON] [--only TEXT]... [--json FILE]
// Ways take turns, each trial in a process of its own with the page cache warm; a row is the median of its rounds. Nothing waits for
// the disk but the ways that say fsync. With --python, those of peers.py take their turns too, as far as that Python has the packages.
// --only TEXT runs the ways whose names contain it, or one of several.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    bytes: { type: "string", default: "1000000000" },
    tensors: { type: "string", default: "300" },
    rounds: { type: "string", default: "7" },
    folder: { type: "string", default: tmpdir() },
    python: { type: "string" },
    only: { type: "string", multiple: true },
    json: { type: "string" },
  },
});
const trial = fileURLToPath(new URL("trial.mjs", import.meta.url));
const peers = fileURLToPath(new URL("peers.py", import.meta.url));
const folder = mkdtempSync(join(options.folder, "modelpress-serialize-"));
const file = join(folder, "model.safetensors");
const scratch = join(folder, "written");

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {any}
 */
function measure(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

/** @type {Map<string, number[]>} */
const times = new Map();
/** @param {Record<string, number>} round */
function add(round) {
  for (const [way, time] of Object.entries(round)) times.set(way, [...(times.get(way) ?? []), time]);
}

/** @param {string} way */
function median(way) {
  const sorted = times.get(way)?.toSorted((a, b) => a - b) ?? [];
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

try {
  measure(process.execPath, [trial, "make", file, scratch, options.bytes, options.tensors]);
  const { ways } = await import(trial);
  /** @type {Map<string, string[]>} */
  const commands = new Map(ways.map((/** @type {string} */ way) => [way, [process.execPath, trial]]));
  const { python } = options;
  if (python) for (const way of measure(python, [peers]).safetensors) commands.set(way, [python, peers]);
  const texts = options.only ?? [""];
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [way, [command = "", script = ""]] of commands) {
      if (!texts.some((text) => way.includes(text))) continue;
      add(measure(command, [script, way, file, scratch]));
      rmSync(scratch, { force: true });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

console.log(
  `${options.bytes} bytes in ${options.tensors} tensors, ${cpus()[0]?.model}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
);
const rows = [...times.keys()].map((way) => ({ way, milliseconds: median(way) }));
for (const { way, milliseconds } of rows) console.log(`${milliseconds.toFixed(2).padStart(10)} ms  ${way}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
