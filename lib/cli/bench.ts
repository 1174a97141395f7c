import { basename } from "node:path";
import { benchmarkModel } from "../runtime/benchmark-model.js";
import { colors } from "./colors.js";
import { addDataOptions, type DataOptions, dataSource } from "./data-options.js";
import { bytes, milliseconds, percent } from "./format.js";
import { label, table } from "./table.js";
import { addExamples, parseCount, type SharedOptions, type Verb } from "./verb.js";

interface BenchOptions extends SharedOptions, DataOptions {
  runs?: number;
  warmup?: number;
}

export const bench: Verb<BenchOptions> = {
  configure(command) {
    command.argument("<model>", "the model to time");
    addDataOptions(command, { use: "samples, the first of which is run", otherwise: "seeded random inputs" });
    command
      .option("--runs <n>", "timed runs; default as many as two seconds hold, from 30 to 500", parseCount)
      .option("--warmup <n>", "runs before those; default 10", parseCount);
    addExamples(command, "bench model.onnx", "bench model.onnx --threads 4 --runs 200 --json");
  },

  async run([model], { runs, warmup, threads, ...options }, { signal, onProgress }) {
    const data = dataSource(options);
    const result = await benchmarkModel(model!, { data, runs, warmup, threads, signal, onProgress });
    const shapes = Object.entries(result.inputs).map(
      ([name, shape]) => `${label(name)} [${shape.join(", ")}]`,
    );
    const text = [
      colors.bold(`${label(basename(model!))}: ${milliseconds(result.medianMs)} per run`),
      "",
      table([
        ["p50", milliseconds(result.medianMs)],
        ["p95", milliseconds(result.p95Ms)],
        ["min", milliseconds(result.minMs)],
        ["mean", milliseconds(result.meanMs)],
        ["varies by", percent(result.cv)],
        ["load", milliseconds(result.loadMs)],
        ["size", bytes(result.size)],
      ]),
      "",
      `${result.runs} runs, ${result.threads === 1 ? "1 thread" : `${result.threads} threads`}, ${result.data} input: ${shapes.join(", ")}`,
    ].join("\n");
    return { json: { model, ...result }, text };
  },
};
