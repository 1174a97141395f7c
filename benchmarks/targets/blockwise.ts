// quantizeBlockwise against onnxruntime. No operator of onnxruntime finds the scales of blocks, so onnxruntime-node has nothing to
// compare with: its quantizer is a C++ function that its Python package exports for its own tools.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantizeBlockwise } from "modelpress";
import { randomFloats } from "../harness/inputs.js";
import { root } from "../harness/run-trial.js";
import { type Figure, named } from "./figure.js";
import { measureParts } from "./measured.js";

const SIDE = 4096;
const N = SIDE * SIDE;
const ROUNDS = 3;
const SCRIPT = join(root, "benchmarks/targets/blockwise.py");

/** Processes of both take turns, and the fastest of each counts. */
export function blockwiseFigure(python: string): Figure {
  const folder = mkdtempSync(join(tmpdir(), "modelpress-targets-"));
  try {
    const weight = join(folder, "weight");
    const packed = join(folder, "packed");
    const w = randomFloats(N);
    writeFileSync(weight, w);
    let [ours, theirs] = [Infinity, Infinity];
    for (let round = 0; round < ROUNDS; round++) {
      const nanoseconds = Number(execFileSync(python, [SCRIPT, weight, String(SIDE), packed]));
      theirs = Math.min(theirs, nanoseconds);
      const [found] = measureParts([
        { file: "blockwise", name: "quantizeBlockwise 4 bits", n: N, kinds: ["backend"] },
      ]);
      ours = Math.min(ours, found!.ours.nanoseconds);
    }
    if (!readFileSync(packed).equals(quantizeBlockwise(w, { rows: SIDE, cols: SIDE }).packed))
      throw new Error("onnxruntime gives another result");
    return {
      what: `${named("quantizeBlockwise 4 bits", N)}: against onnxruntime's quantizer`,
      asked: 5,
      measured: theirs / ours,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
