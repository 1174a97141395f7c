// Times opening, using and writing one large safetensors file, next to the plain ways of JavaScript and the disk's own speed.
//   node benchmarks/serialize/run.mjs [--bytes N] [--tensors N] [--rounds N] [--folder DIR] [--peer "COMMAND"] [--json FILE]
// Ways take turns, each trial in a process of its own with the page cache warm; a row is the median of its rounds. A peer is another
// program: called as COMMAND FILE SCRATCH_FILE once a round, it prints one JSON object of { "way": milliseconds }.
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
    peer: { type: "string" },
    json: { type: "string" },
  },
});
const trial = fileURLToPath(new URL("trial.mjs", import.meta.url));
const folder = mkdtempSync(join(options.folder, "modelpress-serialize-"));
const file = join(folder, "model.safetensors");
const scratch = join(folder, "written");

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Record<string, number>}
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
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const way of ways) {
      add(measure(process.execPath, [trial, way, file, scratch]));
      rmSync(scratch, { force: true });
    }
    if (options.peer) {
      const [command = "", ...args] = options.peer.split(" ");
      add(measure(command, [...args, file, scratch]));
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
