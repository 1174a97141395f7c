import * as ort from "onnxruntime-node";
import { type OneNodeModel, oneNodeModel } from "./one-node-model.js";

type Data = Float32Array | Int8Array | Uint8Array | Int32Array;

/** Runs a one-node model on onnxruntime's CPU; `data` has one array per input. */
export async function runOnnx(model: OneNodeModel, data: readonly Data[]): Promise<Data[]> {
  const session = await ort.InferenceSession.create(oneNodeModel(model));
  const feeds = Object.fromEntries(
    model.inputs.map(({ name, dtype, shape }, i) => [
      name,
      new ort.Tensor(dtype, data[i]! as Float32Array, shape),
    ]),
  );
  const results = await session.run(feeds);
  return model.outputs.map(({ name }) => results[name]!.data as Data);
}
