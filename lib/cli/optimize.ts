import { basename, join } from "node:path";
import { InvalidArgumentError } from "commander";
import { replaceFile } from "../files/replace-file.js";
import type { Goal } from "../optimize/gate.js";
import { optimizeModel } from "../optimize/optimize-model.js";
import type { ExportLayout } from "../optimize/options.js";
import { readReport } from "../optimize/read-report.js";
import type { Report } from "../optimize/report.js";
import { renderReport } from "../report/render-report.js";
import { colors } from "./colors.js";
import { addDataOptions, addLabelsOption, type DataOptions, dataSource } from "./data-options.js";
import { factor, plural } from "./format.js";
import { SearchDisplay } from "./search-display.js";
import { label, printable, table } from "./table.js";
import { addExamples, EXIT, parseList, type SharedOptions, type Verb } from "./verb.js";

interface OptimizeOptions extends SharedOptions, DataOptions {
  output: string;
  labels?: string;
  maxDrop?: number;
  goal?: Goal;
  budget?: number;
  metric?: string[];
  export?: ExportLayout[];
  queue?: string;
}

const UNITS: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600 };

/** "90", "90s", "10m" or "2h" as seconds. */
function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const seconds = Number(amount) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (!(seconds > 0)) throw new InvalidArgumentError("Expected a time such as 90s, 10m or 1h.");
  return seconds;
}

function parseDrop(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("Expected a number from 0.");
  return value;
}

function parseGoal(text: string): Goal {
  if (text !== "latency" && text !== "size" && text !== "balanced")
    throw new InvalidArgumentError("Expected latency, size or balanced.");
  return text;
}

export const optimize: Verb<OptimizeOptions> = {
  configure(command) {
    command
      .argument("<model>", "the model to make smaller and faster")
      .requiredOption("-o, --output <folder>", "where the result, the candidates and the report go");
    addDataOptions(command, { use: "samples, some hundreds at best", required: true });
    addLabelsOption(command);
    command
      .option(
        "--max-drop <x>",
        "how much worse the metric may become; default 0.003, 0.3 points of accuracy",
        parseDrop,
      )
      .option("--goal <goal>", "latency, size or balanced; default balanced", parseGoal)
      .option("--budget <time>", "for the whole search, such as 90s or 10m; default 5m", parseDuration)
      .option(
        "--metric <list>",
        "top-1, top-5, agreement, cosine, mae, or a .mjs module that scores a sample; the first decides",
        parseList,
      )
      .option(
        "--export <list>",
        "also write the result as triton or transformersjs lay models out",
        parseList,
      );
    command.option(
      "--queue <url>",
      "run trials on the workers of a Redis server, such as redis://localhost:6379",
    );
    command.addHelpText(
      "after",
      '\nWith --json every step is a line of JSON as it is taken; the last has the event "result", or holds the error.',
    );
    addExamples(
      command,
      "optimize model.onnx -o best --data samples.safetensors --labels y",
      "optimize model.onnx -o best --data samples.mjs --goal latency --max-drop 0.01 --budget 5m",
      "optimize model.onnx -o best --data arrays.npz --input image=x --labels y",
      "optimize encoder.onnx -o best --data texts.safetensors --metric cosine --max-drop 0.01",
    );
  },

  async run([model], options, { signal, line }) {
    const { output, labels, maxDrop, goal, budget, metric, threads, json, quiet, queue } = options;
    const display = new SearchDisplay(line, { json, quiet });
    try {
      const result = await optimizeModel(model!, {
        output,
        data: dataSource(options)!,
        labels,
        maxDrop,
        goal,
        budgetSeconds: budget,
        metrics: metric,
        exports: options.export,
        queue,
        threads,
        signal,
        onProgress: display.progress,
        onEvent: display.event,
      });
      const { verdict } = result.report;
      // As `modelpress report` makes it of the file.
      const page = Buffer.from(renderReport(readReport(join(output, "report.json"))));
      await replaceFile(join(output, "report.html"), (file) => file.write(page));
      return {
        json: { event: "result", ...result },
        text: render(output, result.report),
        exitCode: verdict.good ? 0 : EXIT.gateNotMet,
      };
    } catch (error) {
      if (error !== signal.reason) throw error;
      throw Object.assign(signal.reason, {
        message: `interrupted: ${plural(display.trials, "trial")} kept in ${label(output)}; the same command goes on from there`,
      });
    }
  },
};

function render(folder: string, { model, verdict, trials, data, goal }: Report): string {
  const rows = trials.map((trial) => {
    const [decisive] = trial.metrics;
    return [
      `${trial.id === verdict.trial ? "> " : "  "}${label(trial.label)}`,
      decisive ? decisive.candidate.toFixed(4) : "",
      trial.latency ? factor(trial.latency.speedup) : "",
      trial.sizeBytes === undefined ? "" : factor(trial.sizeBytes / model.sizeBytes),
      trial.status === "measured" ? (trial.onFront ? "on the front" : "") : trial.status,
    ];
  });
  const { calibration, selection, verdict: unseen } = data.parts;
  const color = verdict.good ? colors.green : colors.red;
  return [
    color(printable(verdict.line)),
    ...verdict.reasons.map((reason) => `  ${printable(reason)}`),
    "",
    table([["", goal.metric, "speed", "size", ""], ...rows]),
    "",
    `${calibration} samples to calibrate, ${selection} to choose and ${unseen} to judge by; ${goal.ended}, ${goal.spentSeconds.toFixed(0)} s`,
    verdict.good
      ? `${label(basename(model.name))} became ${label(join(folder, "model.onnx"))}; see ${label(join(folder, "report.html"))}`
      : `no model was written; see ${label(join(folder, "report.html"))} and the candidates beside it`,
  ].join("\n");
}
