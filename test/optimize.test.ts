import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import { inspectModel, type OptimizeEvent, optimizeModel, type Report, readReport } from "../lib/index.js";
import { carried, writeDigits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const cnn = carried("digits_cnn.onnx");
const data = join(folder, "digits.safetensors");
const output = join(folder, "best");
let report: Report;

describe("optimizeModel", () => {
  beforeAll(async () => {
    await writeDigits(data);
    const tried: string[] = [];
    const options = {
      output,
      data,
      labels: "y",
      budgetSeconds: 0.1,
      onEvent: (event: OptimizeEvent) => {
        if (event.event === "trial") tried.push(event.trial.id);
      },
    };
    const result = await optimizeModel(cnn, options);
    report = result.report;
    expect(result.model).toBe(join(output, "model.onnx"));
    expect(tried).toHaveLength(1);
  }, 120_000);

  it("writes a good result with its reasons", () => {
    const { verdict, data: used, goal, model } = report;
    expect(verdict.good).toBe(true);
    expect(verdict.metrics[0]!.samples).toBe(used.parts.verdict);
    expect(verdict.metrics[0]!.drop).toBeLessThanOrEqual(goal.maxDrop);
    expect(verdict.sizeRatio).toBeLessThan(0.3);
    expect(used.parts.calibration + used.parts.selection + used.parts.verdict).toBe(797);
    expect(model).toMatchObject({ name: "digits_cnn.onnx", inputs: [{ name: "image" }] });
    expect(inspectModel(join(output, "model.onnx")).quantization.kind).toBe("static");
    expect(readdirSync(output).sort()).toEqual([
      "candidates",
      "model.onnx",
      "report.json",
      "run.mjs",
      "trials",
    ]);
  });

  it("tells of each layer what became of it, and why", () => {
    const conv = report.layers.find(({ opType }) => opType === "Conv")!;
    expect(conv).toMatchObject({ treatment: "int8", reason: "onnxruntime computes it in integers" });
    expect(conv.bytes.after).toBeLessThan(0.7 * conv.bytes.before);
    expect(conv.weights!.counts.reduce((sum, count) => sum + count, 0)).toBe(
      conv.bytes.before === 640 ? 144 : 0,
    );
    expect(conv.weights!.steps![0]).toBeGreaterThan(0);
    expect(conv.sqnrDb).toBeGreaterThan(20);
    const { sparsity, zeros } = report.layers.find((layer) => layer.sparsity! > 0)!;
    expect(Math.max(...zeros!.shares)).toBeGreaterThanOrEqual(sparsity! - 0.001);
    expect(report.ops.after.QuantizeLinear).toBeGreaterThan(0);
    expect(report.graph.nodes.some(({ precision }) => precision === "int8")).toBe(true);
  });

  it("reads its own report", () => {
    const path = join(output, "report.json");
    expect(readReport(path)).toEqual(report);
    const schema = JSON.parse(readFileSync(new URL("../dist/report.schema.json", import.meta.url), "utf8"));
    expect(new Ajv2020({ allowUnionTypes: true }).validate(schema, report)).toBe(true);
  });

  it("goes on from the trials that are there", async () => {
    const again = await optimizeModel(cnn, { output, data, labels: "y", budgetSeconds: 0.1 });
    expect(again.report.trials[0]).toEqual(report.trials[0]);
  });

  it("refuses when the metric falls, says why, and leaves no model", async () => {
    const metric = join(folder, "never.mjs");
    writeFileSync(
      metric,
      "const score = ({ outputs, reference }) => Number(outputs === reference);\nscore.metricName = 'same';\nexport default score;\n",
    );
    const theirs = join(output, "notes.data");
    writeFileSync(theirs, "kept");
    const refused = await optimizeModel(cnn, {
      output,
      data,
      labels: "y",
      budgetSeconds: 0.1,
      metrics: [metric],
    });
    expect(refused.model).toBeUndefined();
    expect(refused.report.verdict).toMatchObject({ good: false, metrics: [] });
    expect(refused.report.trials[0]).toMatchObject({ status: "stopped early" });
    expect(refused.report.verdict.reasons[0]).toMatch(/same falls by 1.0 on the first 64 samples/);
    expect(existsSync(join(output, "model.onnx"))).toBe(false);
    expect(readFileSync(theirs, "utf8")).toBe("kept");
    writeFileSync(metric, `${readFileSync(metric, "utf8")}// Changed.\n`);
    const changed = await optimizeModel(cnn, {
      output,
      data,
      labels: "y",
      budgetSeconds: 0.1,
      metrics: [metric],
    });
    expect(changed.report.trials[0]!.id).not.toBe(refused.report.trials[0]!.id);
    expect(JSON.parse(readFileSync(join(output, "report.json"), "utf8")).verdict.good).toBe(false);
  });

  it("refuses the folder of the model, which it would replace", async () => {
    const own = join(folder, "own");
    mkdirSync(own);
    copyFileSync(cnn, join(own, "model.onnx"));
    const refused = optimizeModel(join(own, "model.onnx"), { output: own, data, labels: "y" });
    await expect(refused).rejects.toThrow(RangeError);
    expect(readdirSync(own)).toEqual(["model.onnx"]);
  });

  it("says which folder cannot be made", async () => {
    const refused = optimizeModel(cnn, { output: join(data, "best"), data, labels: "y" });
    await expect(refused).rejects.toMatchObject({ code: "FILE_UNWRITABLE", path: join(data, "best") });
  });

  it("stops when it is told to", async () => {
    const signal = AbortSignal.timeout(50);
    const stopped = optimizeModel(cnn, { output: join(folder, "stopped"), data, signal });
    await expect(stopped).rejects.toThrow(/timeout/);
  });
});
