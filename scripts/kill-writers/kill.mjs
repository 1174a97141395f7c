import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { generationOf, TARGETS } from "./targets.mjs";

/** Writes generations; see there. */
export const WRITER = fileURLToPath(new URL("generations.mjs", import.meta.url));
/** A generation takes about so long, in milliseconds. */
const MOMENTS = 60;

/**
 * Lets a process write generations of a file in `folder`, and kills it at a random moment of the second one or later; over and over.
 * After each the file must be whole and of a generation not before the last that its writer told of.
 * @param {string} format
 * @param {{ folder: string, base: string, kills: number, random: () => number }} how `base` is a model, for ONNX.
 * @returns {Promise<number>} how many of the kills came in the middle of a generation
 */
export async function killWriters(format, { folder, base, kills, random }) {
  const target = TARGETS[format];
  if (!target) throw new Error(`no format is called ${format}`);
  const path = join(folder, target.name);
  let generation = 0;
  let inTheMiddle = 0;
  for (let kill = 0; kill < kills; kill++) {
    const child = spawn(process.execPath, [WRITER, format, path, base, String(generation + 1)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    let told = "";
    child.stdout.on("data", (text) => {
      told += text;
    });
    await Promise.race([once(child.stdout, "data"), closed]);
    await delay(random() % MOMENTS);
    child.kill("SIGKILL");
    await closed;
    const last = Number(told.trimEnd().split("\n").at(-1));
    if (!(last > generation)) throw new Error(`the writer of ${format} ended by itself: ${told}`);
    const found = generationOf(path, target);
    // Later ones may be complete without having been told of.
    if (found < last) throw new Error(`${path} is of generation ${found}, but ${last} was written`);
    if (found === last) inTheMiddle++;
    generation = found;
  }
  return inTheMiddle;
}
