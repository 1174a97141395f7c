import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../files/make-folder.js";
import { modelFiles } from "../onnx/model-bytes.js";
import { readOnnx } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { ReportTrial } from "./report.js";
import { copyModel } from "./write-files.js";

/** What a repository of the Hugging Face Hub has beside its models, where the original has it. */
const COMPANIONS = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
];

/**
 * Writes the folder that transformers.js loads: onnx/model.onnx, and the result under the name that its `dtype` asks for (q8, q4 or
 * fp16), each in one file, with the configuration files that lie beside the original or in the folder above. Returns the folder.
 *
 * @throws ModelFormatError FILE_TOO_LARGE for models of more than 2 GiB
 */
export async function exportTransformersJs(
  folder: string,
  original: string,
  model: string,
  trial: Pick<ReportTrial, "options">,
): Promise<string> {
  const target = join(folder, "transformersjs");
  await makeFolder(target);
  await copyInOneFile(original, join(target, "onnx"), "model.onnx");
  await copyInOneFile(model, join(target, "onnx"), `model${suffixOf(trial)}.onnx`);
  for (const name of COMPANIONS) {
    const found = [dirname(original), dirname(dirname(original))]
      .map((place) => join(place, name))
      .find(existsSync);
    if (found !== undefined) await cp(found, join(target, name));
  }
  return target;
}

/** External data has another name there, and is asked for only where config.json says so. */
async function copyInOneFile(from: string, folder: string, name: string): Promise<void> {
  if (modelFiles(from).size === 1) {
    await copyModel(from, folder, name);
    return;
  }
  await makeFolder(folder);
  const model = readOnnx(from);
  try {
    await writeOnnx(join(folder, name), model, { externalData: false });
  } finally {
    model.close();
  }
}

/** As transformers.js names the files of its types. */
export function suffixOf({ options }: Pick<ReportTrial, "options">): string {
  const last = options.at(-1);
  if (last?.bits === 4) return "_q4";
  if (last?.mode === "float16") return "_fp16";
  return "_quantized";
}
