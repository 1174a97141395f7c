import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";

const RUNS = 3;

/** @typedef {{ seconds: number, total: number, own: number }} Run */

/**
 * Runs commands in turn, so that what else the machine does meets all alike, and prints the medians of each. Every one finds no
 * output of the one before: to take the place of a file, 40 ms are spent on the old one. None of
 * them reports to onnxruntime's makers, which takes time too. Linux only.
 *
 * @param {readonly (readonly [name: string, command: string[]])[]} contenders
 * @param {string} output what they write
 */
export async function compareProcesses(contenders, output) {
  /** @type {Map<string, (Run | undefined)[]>} */
  const runs = new Map(contenders.map(([name]) => [name, []]));
  for (let i = 0; i < RUNS; i++)
    for (const [name, command] of contenders) {
      rmSync(output, { force: true });
      runs.get(name)?.push(await watch(command));
    }
  for (const [name, each] of runs) console.log(summary(name, each));
}

/** @param {string} name @param {(Run | undefined)[]} all */
function summary(name, all) {
  const runs = all.filter((run) => run !== undefined);
  if (runs.length < all.length) return `${name}: failed`;
  const median = /** @param {keyof Run} key */ (key) =>
    runs.map((run) => run[key]).sort((a, b) => a - b)[RUNS >> 1] ?? 0;
  return `${name}: ${median("seconds").toFixed(2)} s, at most ${median("total")} MB resident, ${median("own")} MB beside the mapped files`;
}

/** Undefined where it ends with an error, as some rivals do. @param {string[]} command @returns {Promise<Run | undefined>} */
function watch([program = "", ...args]) {
  const start = performance.now();
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  let [total, own] = [0, 0];
  const timer = setInterval(() => {
    const now = memory(/** @type {number} */ (child.pid));
    total = Math.max(total, now.total);
    own = Math.max(own, now.own);
  }, 5);
  return new Promise((resolve) =>
    child.on("exit", (code) => {
      clearInterval(timer);
      resolve(code === 0 ? { seconds: (performance.now() - start) / 1000, total, own } : undefined);
    }),
  );
}

/** Megabytes of a process and its descendants. @param {number} pid @returns {{ total: number, own: number }} */
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
