import { backends } from "modelpress";

const natives = backends().slice(0, -1);
const [last] = backends().slice(-1);
if (last?.name !== "js" || natives.length === 0)
  throw new Error("There is no native backend to compare with js");

export const js = last;

let compared = 0;

/** How many bytes were compared so far. */
export function bytesCompared() {
  return compared;
}

/** @param {ArrayBufferView} a */
export function bytes(a) {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength);
}

/** @typedef {import("modelpress").Backend} Backend */

/**
 * @param {string} title
 * @param {(backend: Backend) => ArrayBufferView} run
 */
export function compare(title, run) {
  const expected = bytes(run(js));
  for (const backend of natives) {
    const actual = bytes(run(backend));
    compared += actual.length;
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    if (at < 0) continue;
    throw new Error(`${title} on ${backend.name}: byte ${at} is ${actual[at]}, js has ${expected[at]}`);
  }
}
