import * as ort from "onnxruntime-node";
import { carrierOf, type OneNodeModel, oneNodeModel } from "./one-node-model.js";

// Where there is a Float16Array, onnxruntime's JavaScript insists on it and its native part cannot read it.
Reflect.deleteProperty(globalThis, "Float16Array");

type Data = Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array;

/**
 * Runs a one-node model on onnxruntime's CPU; `data` has one array per input. float16 is its bits; bfloat16 travels as float32,
 * 4-bit types as 8-bit ones.
 */
export async function runOnnx(model: OneNodeModel, data: readonly Data[]): Promise<Data[]> {
  // Without optimizations: they would merge a cast with the node.
  const session = await ort.InferenceSession.create(oneNodeModel(model), {
    graphOptimizationLevel: "disabled",
  });
  const feeds = Object.fromEntries(
    model.inputs.map((port, i) => [
      port.name,
      new ort.Tensor(carrierOf(port) as "float32", data[i]! as Float32Array, port.shape),
    ]),
  );
  const results = await session.run(feeds);
  return model.outputs.map(({ name }) => results[name]!.data as Data);
}
