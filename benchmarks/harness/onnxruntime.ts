import type { OnnxTensor, OnnxWork } from "./benchmark.js";
import type { Contender } from "./contender.js";
import { onnxModel } from "./onnx-model.js";

type Ort = typeof import("onnxruntime-node");

/**
 * The same work as a model in onnxruntime-node, on one thread and into outputs that are there already. Its run() takes and
 * returns tensors and is asynchronous, so a call is what a user of it waits for. Empty where the package is not installed.
 */
export async function onnxruntime(work: OnnxWork | undefined): Promise<Contender[]> {
  if (!work) return [];
  let ort: Ort;
  // It would report the models to its makers, in the middle of what is timed.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    ort = await import("onnxruntime-node");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return [];
    throw error;
  }
  const session = await ort.InferenceSession.create(onnxModel(work), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  const feeds = tensors(ort, work.inputs);
  const fetches = tensors(ort, work.outputs);
  return [
    { kind: "onnxruntime", name: "onnxruntime-node", threads: 1, run: () => session.run(feeds, fetches) },
  ];
}

function tensors(ort: Ort, list: Readonly<Record<string, OnnxTensor>>) {
  return Object.fromEntries(
    Object.entries(list).map(([name, { dtype, shape, data }]) => [
      name,
      // The types of the package want an array for each name of a type; here both are variables.
      new ort.Tensor(dtype as "float32", data as Float32Array, shape),
    ]),
  );
}
