import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";

const RUNS = 5;

/** @typedef {{ total: number, own: number }} Memory */

/**
 * Runs commands in turn, so that what else the machine does meets all alike, and prints the median time of each, and its most memory
 * in one more run: looking at it takes time. Every one finds no output of the one before: to take the place of a file, 40 ms are
 * spent on the old one. None of them reports to onnxruntime's makers, which takes time too. Linux only.
 *
 * @param {readonly (readonly [name: string, command: string[]])[]} contenders
 * @param {string} output what they write
 */
export async function compareProcesses(contenders, output) {
  /** @type {Map<string, { memory: Memory, times: (number | undefined)[] }>} */
  const found = new Map();
  for (const [name, command] of contenders)
    found.set(name, { memory: await watch(command, output), times: [] });
  for (let i = 0; i < RUNS; i++)
    for (const [name, command] of contenders) found.get(name)?.times.push(await time(command, output));
  for (const [name, { memory, times }] of found) console.log(summary(name, memory, times));
}

/** @param {string} name @param {Memory} memory @param {(number | undefined)[]} all */
function summary(name, { total, own }, all) {
  const times = all.filter((each) => each !== undefined).sort((a, b) => a - b);
  if (times.length < all.length) return `${name}: failed`;
  return `${name}: ${times[RUNS >> 1]?.toFixed(2)} s, at most ${total} MB resident, ${own} MB beside the mapped files`;
}

/** Seconds; undefined where it ends with an error, as some rivals do. @param {string[]} command @param {string} output */
async function time(command, output) {
  const start = performance.now();
  const [code] = await once(run(command, output), "exit");
  return code === 0 ? (performance.now() - start) / 1000 : undefined;
}

/** @param {string[]} command @param {string} output @returns {Promise<Memory>} */
async function watch(command, output) {
  const child = run(command, output);
  let [total, own] = [0, 0];
  const timer = setInterval(() => {
    const now = memory(/** @type {number} */ (child.pid));
    total = Math.max(total, now.total);
    own = Math.max(own, now.own);
  }, 5);
  await once(child, "exit");
  clearInterval(timer);
  return { total, own };
}

/** @param {string[]} command @param {string} output */
function run([program = "", ...args], output) {
  rmSync(output, { force: true });
  return spawn(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
}

/** Megabytes of a process and its descendants. @param {number} pid @returns {Memory} */
function memory(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = /** @param {RegExp} pattern */ (pattern) =>
      Math.round(Number(pattern.exec(status)?.[1] ?? 0) / 1000);
    const sum = { total: field(/VmRSS:\s+(\d+)/), own: field(/RssAnon:\s+(\d+)/) };
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter(Boolean)) {
      const { total, own } = memory(Number(child));
      sum.total += total;
      sum.own += own;
    }
    return sum;
  } catch {
    return { total: 0, own: 0 };
  }
}
