import { basename, join } from "node:path";
import { ModelOperationError } from "../errors.js";
import { makeFolder } from "../files/make-folder.js";
import type { Report } from "./report.js";
import { copyModel, writeText } from "./write-files.js";

/** The types of Triton's model configuration (protobuf inference.DataType). */
const TYPES: Readonly<Record<string, string>> = {
  bool: "TYPE_BOOL",
  uint8: "TYPE_UINT8",
  uint16: "TYPE_UINT16",
  uint32: "TYPE_UINT32",
  uint64: "TYPE_UINT64",
  int8: "TYPE_INT8",
  int16: "TYPE_INT16",
  int32: "TYPE_INT32",
  int64: "TYPE_INT64",
  float16: "TYPE_FP16",
  float32: "TYPE_FP32",
  float64: "TYPE_FP64",
  string: "TYPE_STRING",
  bfloat16: "TYPE_BF16",
};
/** How many samples Triton may stack where the model takes any number. */
const MAX_BATCH = 32;

type Value = Report["model"]["inputs"][number];

/**
 * Writes a model repository of the Triton Inference Server: NAME/config.pbtxt and NAME/1/model.onnx. Returns its folder.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for inputs or outputs that Triton has no type for
 */
export async function exportTriton(folder: string, model: string, report: Report): Promise<string> {
  const name = basename(report.model.name, ".onnx");
  const repository = join(folder, "triton");
  await makeFolder(join(repository, name));
  await writeText(join(repository, name, "config.pbtxt"), tritonConfig(name, report.model));
  await copyModel(model, join(repository, name, "1"), "model.onnx");
  return repository;
}

/** The text of config.pbtxt. Where the first size of every input and output is open, Triton stacks requests along it. */
export function tritonConfig(
  name: string,
  { inputs, outputs }: Pick<Report["model"], "inputs" | "outputs">,
): string {
  const stacks = [...inputs, ...outputs].every(({ shape }) => typeof shape?.[0] === "string");
  const value = ({ name, dtype, shape }: Value) => {
    const type = TYPES[dtype];
    if (type === undefined)
      throw new ModelOperationError("UNSUPPORTED_MODEL", `Triton has no type for ${name}, which is ${dtype}`);
    if (shape === undefined)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `Triton has to know how many sizes ${name} has, which the model does not tell`,
      );
    const dims = (stacks ? shape.slice(1) : shape).map((size) => (typeof size === "number" ? size : -1));
    // A scalar beside the axis of samples.
    const sizes = dims.length === 0 ? [1] : dims;
    const reshape = dims.length === 0 ? "\n    reshape { shape: [ ] }" : "";
    return `  {\n    name: ${quoted(name)}\n    data_type: ${type}\n    dims: [ ${sizes.join(", ")} ]${reshape}\n  }`;
  };
  return `name: ${quoted(name)}
platform: "onnxruntime_onnx"
max_batch_size: ${stacks ? MAX_BATCH : 0}
input [
${inputs.map(value).join(",\n")}
]
output [
${outputs.map(value).join(",\n")}
]
`;
}

/** A string of protobuf's text format. */
function quoted(text: string): string {
  const escaped = [...new TextEncoder().encode(text)].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
