import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { modelFiles } from "../onnx/model-bytes.js";
import type { Report, ReportTrial } from "./report.js";
import { trialModel } from "./trial.js";
import { copyModel, writeText } from "./write-files.js";

/** What only a search that ends well leaves in the folder. */
const RESULTS = ["model.onnx", "run.mjs", "triton", "transformersjs"];

/** A name for a file from words for people. */
function fileName(label: string): string {
  return label
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

/** Puts the result, the candidates on the front and the script that runs it into the folder; marks in the trials where each lies. */
export async function writeModels(
  folder: string,
  trials: readonly ReportTrial[],
  chosen: ReportTrial | undefined,
  trialsFolder: string,
): Promise<string | undefined> {
  const candidates = join(folder, "candidates");
  await rm(candidates, { recursive: true, force: true });
  for (const trial of trials.filter(({ onFront }) => onFront)) {
    const name = `${fileName(trial.label)}.onnx`;
    await copyModel(
      trialModel({ folder: trialsFolder }, trial.id),
      join(candidates, fileName(trial.label)),
      name,
    );
    trial.file = `candidates/${fileName(trial.label)}/${name}`;
  }
  await removeModel(folder);
  if (!chosen) return undefined;
  chosen.file = "model.onnx";
  return copyModel(trialModel({ folder: trialsFolder }, chosen.id), folder, "model.onnx");
}

/** What an earlier search left: a refused model must not be taken for this one's result. */
async function removeModel(folder: string): Promise<void> {
  for (const path of dataFiles(join(folder, "model.onnx"))) await rm(path, { force: true });
  for (const name of RESULTS) await rm(join(folder, name), { recursive: true, force: true });
}

/** The files with the external data of a model; none where it cannot be read. */
function dataFiles(model: string): string[] {
  if (!existsSync(model)) return [];
  try {
    return [...modelFiles(model).keys()].filter((path) => path !== model);
  } catch {
    return [];
  }
}

export async function writeReport(folder: string, report: Report): Promise<void> {
  await writeText(join(folder, "report.json"), `${JSON.stringify(report, null, 1)}\n`);
}

/** A script that loads the model and runs it on zeros of the right shape, to begin with. */
export async function writeRunScript(folder: string, { model }: Report): Promise<void> {
  const feeds = model.inputs.map(({ name, dtype, shape = [] }) => {
    const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
    return `  ${JSON.stringify(name)}: zeros(${JSON.stringify(dtype)}, ${JSON.stringify(sizes)}),`;
  });
  await writeText(
    join(folder, "run.mjs"),
    `// Loads model.onnx in onnxruntime-node and runs it once.  npm install onnxruntime-node && node run.mjs
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";

const ARRAYS = { float64: Float64Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, int64: BigInt64Array, uint64: BigUint64Array, bool: Uint8Array, float16: Uint16Array };

function zeros(dtype, shape) {
  const length = shape.reduce((product, size) => product * size, 1);
  return new Tensor(dtype, new (ARRAYS[dtype] ?? Float32Array)(length), shape);
}

const session = await InferenceSession.create(fileURLToPath(new URL("model.onnx", import.meta.url)));
const outputs = await session.run({
${feeds.join("\n")}
});
for (const [name, { type, dims, data }] of Object.entries(outputs))
  console.log(name, type, dims, data.slice(0, 10));
`,
  );
}
