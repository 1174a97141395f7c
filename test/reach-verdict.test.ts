import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { OptimizeEvent } from "../lib/index.js";
import { openMetric } from "../lib/optimize/metric.js";
import { measureParts, partOf } from "../lib/optimize/parts.js";
import { reachVerdict } from "../lib/optimize/reach-verdict.js";
import type { ReportTrial } from "../lib/optimize/report.js";
import { temporaryFolder } from "./support/folder.js";
import { identityModel } from "./support/identity-model.js";

const folder = temporaryFolder();
const original = join(folder, "original.onnx");
const inputs = [{ name: "x", dtype: "float32", shape: ["n", 2] }] as const;
const source = Array.from({ length: 160 }, (_, i) => ({
  feeds: { x: { data: Float32Array.of(Math.sin(i), Math.cos(3 * i)), shape: [1, 2] } },
}));
const wanted = { goal: "size", maxDrop: 0.003, originalBytes: 1000 } as const;
const times = { medianMs: 1, p95Ms: 1, cv: 0 };

/** A trial that passed all there was to choose by, whose model answers as the operator does. */
function trial(op: string, sizeBytes: number, samples = 60): ReportTrial {
  mkdirSync(join(folder, op), { recursive: true });
  writeModel(join(folder, op, "model.onnx"), op);
  const metric = { name: "agreement", higherIsBetter: true, original: 1, candidate: 1, drop: 0 };
  return {
    id: op,
    label: op,
    steps: [],
    options: [],
    status: "measured",
    sizeBytes,
    latency: { original: times, candidate: times, speedup: 1 },
    metrics: [{ ...metric, interval: [0, 0], samples }],
    chance: 1,
    onFront: true,
    seconds: 1,
  };
}

function writeModel(path: string, op: string): void {
  writeFileSync(path, identityModel(inputs, op));
}

async function verdictOn(trials: readonly ReportTrial[], samples = source) {
  const data = { source: samples, inputs };
  const { sizes } = await measureParts(data);
  const gates: OptimizeEvent[] = [];
  const metrics = [await openMetric("agreement")];
  const context = { model: original, data, metrics, maxDrop: wanted.maxDrop, threads: 1, folder, key: "" };
  const found = await reachVerdict(context, trials, wanted, sizes, (event) => gates.push(event));
  return { ...found, gates, sizes };
}

describe("reachVerdict", () => {
  beforeAll(() => writeModel(original, "Identity"));

  it("judges the cheapest by all samples that no choice saw", async () => {
    const { verdict, chosen, gates, sizes } = await verdictOn([trial("Softmax", 200), trial("Neg", 900)]);
    expect(chosen?.id).toBe("Softmax");
    expect(verdict).toMatchObject({ good: true, trial: "Softmax" });
    expect(verdict.metrics[0]!.samples).toBe(sizes.verdict + sizes.reserve);
    expect(gates).toEqual([
      { event: "gate", trial: "Softmax", label: "Softmax", samples: sizes.verdict + sizes.reserve },
    ]);
  });

  it("judges the next by samples that are still unseen where the cheapest fails", async () => {
    const { verdict, chosen, gates, sizes } = await verdictOn([trial("Neg", 100), trial("Softmax", 200)]);
    expect(chosen?.id).toBe("Softmax");
    expect(verdict).toMatchObject({ good: true, trial: "Softmax" });
    expect(verdict.metrics[0]!.samples).toBe(sizes.reserve);
    expect(verdict.reasons.at(-1)).toBe(
      `Neg was chosen before it, and failed on ${sizes.verdict} other samples: -1.0000 agreement`,
    );
    expect(gates).toHaveLength(2);
  });

  it("chooses the next by all samples that are known, of which one may be wrong", async () => {
    // Relu changes one answer of the first part, and none of the second.
    const flipped = source.findIndex((_, i) => partOf(i) === "verdict");
    const positive = source.map((_, i) => ({
      feeds: { x: { data: i === flipped ? Float32Array.of(-2, -1) : Float32Array.of(i, 80), shape: [1, 2] } },
    }));
    const known = (samples: number) => verdictOn([trial("Neg", 100), trial("Relu", 200, samples)], positive);
    expect((await known(400)).verdict).toMatchObject({ good: true, trial: "Relu" });
    expect((await known(100)).verdict).toMatchObject({ good: false, trial: "Neg" });
  });

  it("refuses the cheapest where no other holds", async () => {
    const { verdict, sizes } = await verdictOn([trial("Neg", 100)]);
    expect(verdict).toMatchObject({ good: false, trial: "Neg" });
    expect(verdict.metrics[0]!.samples).toBe(sizes.verdict);
  });
});
