import { type Command, InvalidArgumentError, Option } from "commander";

/** Declares how mode weights stores weights in blocks, under the names that quantizeModel has for it. */
export function addBlockOptions(command: Command): void {
  command
    .optionsGroup("Weights in blocks of 4 or 8 bits:")
    .addOption(
      oneOf(
        "--bits <n>",
        "mode weights: matrix products with weights in blocks of so many bits; 4 chooses the mode",
        [4, 8],
      ),
    )
    .addOption(oneOf("--block-size <n>", "weights that share a scale; default 32", [16, 32, 64, 128, 256]))
    .option("--no-zero-points", "blocks without zero points: a little smaller, less accurate")
    .option("--no-fit-scales", "scales from the range of a block, with the bytes of onnxruntime's quantizer")
    .addOption(
      oneOf(
        "--accuracy-level <n>",
        "blocks are multiplied in 1 float32, 2 float16, 3 bfloat16, 4 int8; default 4, the fast one",
        [0, 1, 2, 3, 4],
      ),
    )
    .addOption(oneOf("--head-bits <n>", "bits of the last layer; default 8", [4, 8]))
    .addOption(
      oneOf("--embedding-bits <n>", "embeddings in blocks too; default 8 bits with a scale per row", [4, 8]),
    )
    .addOption(
      new Option(
        "--weight-format <format>",
        "blocks for onnxruntime's MatMulNBits, or for any runtime of opset 21",
      ).choices(["matmulnbits", "dequantize"]),
    )
    .optionsGroup("Options:");
}

function oneOf(flags: string, description: string, allowed: readonly number[]): Option {
  const list = allowed.join(", ");
  return new Option(flags, `${description} (choices: ${list})`).argParser((text) => {
    const value = Number(text);
    if (text.trim() !== "" && allowed.includes(value)) return value;
    throw new InvalidArgumentError(`Allowed choices are ${list}.`);
  });
}
