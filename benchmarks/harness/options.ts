import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backends } from "modelpress";
import { parseSize } from "./sizes.js";

export interface Options {
  filters: readonly string[];
  sizes: readonly number[];
  backends: readonly string[];
  threads: readonly number[];
  trials: number;
  quick: boolean;
  output: string;
}

const HELP = `Times every operation, in one run and in turns: each backend, plain JavaScript, onnxruntime-node, the memory's limit.

  npm run bench -- [options]

  --filter TEXT        operations whose name contains it; can be repeated  default: all
  --sizes N,...        numbers of elements, such as 16,64K,64M           default: 16,64K,64M
  --backend NAME,...   backends besides js, which always runs            default: all of this machine
  --threads N,...      thread counts for native backends                 default: 1, and all processors
  --trials N           processes per operation and size                  default: 1
  --output DIR         where results.json, .md and .svg go               default: benchmarks/results
  --quick              4K elements and few turns: shows that all of it runs, measures little
  --help               prints this

  npm run bench -- --targets [--python PYTHON]

Prints each ratio that this project asks of itself beside the one measured, in less than three minutes. A Python that has onnxruntime
adds the comparison with its quantizer of blocks, which is no operator that onnxruntime-node could run.
`;

class UsageError extends Error {}

/** Reads the command line. Prints the help and ends the process where that is asked for or something is wrong. */
export function readOptions(root: string): Options {
  try {
    return parse(root);
  } catch (error) {
    // parseArgs has a code of its own for each kind of mistake.
    if (!(error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS")))
      throw error;
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

function parse(root: string): Options {
  const { values } = parseArgs({
    options: {
      filter: { type: "string", multiple: true, default: [""] },
      sizes: { type: "string" },
      backend: { type: "string" },
      threads: { type: "string", default: `1,${availableParallelism()}` },
      trials: { type: "string", default: "1" },
      output: { type: "string", default: join(root, "benchmarks/results") },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const available = backends().map(({ name }) => name);
  const asked = values.backend?.split(",") ?? available;
  for (const name of asked)
    if (!available.includes(name))
      throw new UsageError(`--backend: this machine has ${available.join(", ")}, not "${name}"`);
  return {
    filters: values.filter,
    sizes: (values.sizes ?? (values.quick ? "4K" : "16,64K,64M")).split(",").map(size),
    backends: asked,
    threads: [...new Set(values.threads.split(",").map((text) => count("--threads", text)))],
    trials: count("--trials", values.trials),
    quick: values.quick,
    output: values.output,
  };
}

function size(text: string): number {
  const n = parseSize(text);
  if (n === undefined)
    throw new UsageError(`--sizes: a size is a number of elements such as 1000, 64K or 64M, not "${text}"`);
  return n;
}

function count(option: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`${option}: expected a number from 1, not "${text}"`);
  return Number(text);
}
