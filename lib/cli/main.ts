#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { packageVersion } from "../package-version.js";
import { execute, reportError } from "./execute.js";
import { addExamples, EXIT, parseCount, type SharedOptions, UsageError, type Verb } from "./verb.js";

/** Every verb: one line of help, and the file that does it, loaded only when it is asked for. */
const VERBS: Record<string, { summary: string; load: () => Promise<Verb> }> = {
  optimize: {
    summary: "find the best form of a model within an accuracy budget",
    load: async () => (await import("./optimize.js")).optimize,
  },
  quantize: {
    summary: "store weights in 8 or 4 bits or float16, and compute in int8",
    load: async () => (await import("./quantize.js")).quantize,
  },
  prune: {
    summary: "set small weights to zero",
    load: async () => (await import("./prune.js")).prune,
  },
  compare: {
    summary: "measure how far a model is from the one it was made of",
    load: async () => (await import("./compare.js")).compare,
  },
  inspect: {
    summary: "show what a model holds",
    load: async () => (await import("./inspect.js")).inspect,
  },
  convert: {
    summary: "move tensors between ONNX, safetensors, GGUF and numpy's files",
    load: async () => (await import("./convert.js")).convert,
  },
  verify: {
    summary: "compare the tensors of a file with their checksums",
    load: async () => (await import("./verify.js")).verify,
  },
  report: {
    summary: "make the page of a report.json again",
    load: async () => (await import("./report.js")).report,
  },
  explain: {
    summary: "tell why a node of an optimized model is as it is",
    load: async () => (await import("./explain.js")).explain,
  },
  worker: {
    summary: "run trials of searches that were given a queue",
    load: async () => (await import("./worker.js")).worker,
  },
  bench: { summary: "time a model", load: async () => (await import("./bench.js")).bench },
};

async function main(argv: string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command("modelpress")
    .description("Quantize, prune, check and time ONNX models.")
    .version(packageVersion())
    .exitOverride()
    // Errors are printed once, by reportError.
    .configureOutput({ outputError: () => undefined })
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 gate not met.");
  addExamples(
    program,
    "optimize model.onnx -o best --data samples.safetensors --labels y",
    "quantize model.onnx -o model.int8.onnx --data calibration.safetensors",
    "compare model.onnx model.int8.onnx --data test.safetensors --labels y",
    "bench model.onnx",
  );
  const asked = argv[0] === "help" ? argv[1] : argv[0];
  for (const [name, { summary, load }] of Object.entries(VERBS)) {
    const command = program.command(name).description(summary);
    if (name !== asked) continue;
    const verb = await load();
    verb.configure(command);
    addSharedOptions(command);
    command.action(async () => {
      exitCode = await execute(verb, command.args, command.opts<SharedOptions>());
    });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was asked for, and the version, end as errors of code 0; help in place of a missing verb has been printed.
    if (error.exitCode === 0) return 0;
    if (error.code === "commander.help") return EXIT.usage;
    return reportError(new UsageError(error.message.replace(/^error: /, "")), argv.includes("--json"));
  }
}

function addSharedOptions(command: Command): void {
  command
    .option("--json", "print one JSON object on stdout and nothing else")
    .option("--threads <n>", "threads for the kernels and for running models", parseCount)
    .option("--quiet", "no progress");
}

// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
const argv = process.argv.slice(2);
process.exit(await main(argv).catch((error) => reportError(error, argv.includes("--json"))));
