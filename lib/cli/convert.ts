import { basename, extname, resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { DENSE, SCHEMES, type SchemeName, SPARSE_BITMASK, type WeightScheme } from "../compressed/scheme.js";
import { TARGET_TYPES, type TargetType } from "../convert/cast-tensor.js";
import { type ConvertResult, convertModel } from "../convert/convert-model.js";
import { colors } from "./colors.js";
import { bytes, change } from "./format.js";
import { label, printable } from "./table.js";
import { addExamples, parseCount, type SharedOptions, UsageError, type Verb } from "./verb.js";

interface ConvertCommandOptions extends SharedOptions {
  dtype?: TargetType;
  compressed?: SchemeName | typeof SPARSE_BITMASK | typeof DENSE;
  groupSize?: number;
  ignore?: string[];
  into?: string;
  shardSize?: number;
  checksums?: boolean;
  check?: boolean;
}

export const convert: Verb<ConvertCommandOptions> = {
  configure(command) {
    command
      .argument("<input>", "an ONNX model, a safetensors file or the index of several, GGUF, npz or npy")
      .argument("<output>", "a name that ends in .safetensors, .gguf, .onnx, .npz or .npy")
      .addOption(
        new Option("--dtype <type>", "type of the floats; Q8_0 and Q4_0 only in GGUF").choices(TARGET_TYPES),
      )
      .addOption(
        new Option(
          "--compressed <scheme>",
          "for .safetensors: quantize the weights of linear layers and store them in the compressed-tensors convention; W4A16: 4 bits, W8A16: 8 bits, for runtimes that compute in float; W8A8: int8, for runtimes that quantize activations too; sparse-bitmask: quantize nothing, and leave out the zeros of pruned weights; dense: bring weights that are stored so back",
        ).choices([...Object.keys(SCHEMES), SPARSE_BITMASK, DENSE]),
      )
      .option(
        "--group-size <n>",
        "with --compressed: columns that share a scale (default: 128 with 4 bits, a row with 8)",
        parseCount,
      )
      .option(
        "--ignore <layers...>",
        "with --compressed: layers that stay as they are (default: embeddings and lm_head; none for sparse-bitmask)",
      )
      .option("--into <model>", "for .onnx: the model whose initializers get the values")
      .option(
        "--shard-size <size>",
        "for .safetensors: at most so much data in a file, such as 5GB",
        parseSize,
      )
      .option(
        "--checksums",
        "for .safetensors and .gguf: put a SHA-256 of every tensor beside it, for verify",
      )
      .option("--check", "read what was written and compare every tensor");
    addExamples(
      command,
      "convert model.onnx weights.safetensors --dtype float16",
      "convert model.safetensors.index.json model.gguf --dtype Q8_0 --check",
      "convert model/model.safetensors model-w4a16/model.safetensors --compressed W4A16",
      "convert pruned/model.safetensors small/model.safetensors --compressed sparse-bitmask",
      "convert small/model.safetensors whole/model.safetensors --compressed dense",
      "convert tuned.safetensors tuned.onnx --into model.onnx",
    );
  },

  async run([input, output], options, { signal, onProgress }) {
    const { dtype, into, shardSize, checksums, check, ignore, ...how } = options;
    for (const path of [input!, into])
      if (path !== undefined && resolve(output!) === resolve(path))
        throw new UsageError(`the output is ${path} itself; give it a name of its own`);
    checkOutput(extname(output!).toLowerCase(), options);
    const compressed = schemeOf(how);
    const result = await convertModel(input!, output!, {
      dtype,
      compressed,
      ignore,
      into,
      maxShardSize: shardSize,
      checksums,
      check,
      signal,
      onProgress,
    }).catch((error) => {
      // The options do not go together.
      throw error instanceof RangeError ? new UsageError(error.message) : error;
    });
    return { json: { input, output, ...result }, text: render(input!, result) };
  },
};

/** In the words of the options; convertModel says it in those of its own. */
function checkOutput(end: string, { dtype, into, shardSize, checksums }: ConvertCommandOptions): void {
  const need = (option: string, ends: string) =>
    new UsageError(`${option} needs an output whose name ends in ${ends}`);
  if (end === ".onnx" && into === undefined)
    throw new UsageError(
      "ONNX is more than tensors: --into names the model whose initializers get the values",
    );
  if (into !== undefined && end !== ".onnx") throw need("--into", ".onnx");
  if (dtype?.startsWith("Q") && end !== ".gguf") throw need(`--dtype ${dtype}`, ".gguf");
  if (shardSize !== undefined && end !== ".safetensors") throw need("--shard-size", ".safetensors");
  if (checksums && end !== ".safetensors" && end !== ".gguf")
    throw need("--checksums", ".safetensors or .gguf");
}

function schemeOf({
  compressed,
  groupSize,
}: Pick<ConvertCommandOptions, "compressed" | "groupSize">):
  | WeightScheme
  | typeof SPARSE_BITMASK
  | typeof DENSE
  | undefined {
  if (compressed === undefined || compressed === SPARSE_BITMASK || compressed === DENSE) {
    if (groupSize !== undefined) throw new UsageError("--group-size needs --compressed with a scheme");
    return compressed;
  }
  const scheme = SCHEMES[compressed];
  return groupSize === undefined ? scheme : { ...scheme, strategy: "group", groupSize };
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

function parseSize(text: string): number {
  const [, digits, unit = "B"] = /^(\d+(?:\.\d+)?)\s*([KMGT]?B)?$/.exec(text.toUpperCase()) ?? [];
  const size = Math.round(Number(digits) * UNITS[unit]!);
  if (!(Number.isSafeInteger(size) && size > 0))
    throw new InvalidArgumentError("Expected a size such as 500MB or 5GB.");
  return size;
}

function render(input: string, result: ConvertResult): string {
  const { from, to, files, tensors, converted, bytes: size, left, checked, warnings } = result;
  const lost = Object.entries(left);
  return [
    colors.bold(
      `${label(basename(input))} (${from}) -> ${label(basename(files[0]!))} (${to}): ${bytes(size.before)} -> ${bytes(size.after)} (${change(size.after / size.before)})`,
    ),
    `${tensors} ${tensors === 1 ? "tensor" : "tensors"}, ${converted} converted${checked ? "; read again and equal" : ""}`,
    ...(files.length > 1 ? [`${files.length} files`] : []),
    ...lost.map(([name, reason]) => `left out: ${label(name)}, ${label(reason)}`),
    ...warnings.map((warning) => `warning: ${printable(warning)}`),
  ].join("\n");
}
