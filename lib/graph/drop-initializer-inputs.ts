import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/** The first version of the format in which a tensor may be an initializer without being an input too. */
const IR_VERSION = 4n;

/**
 * Brings a model of an older version of the format to one in which initializers can be added to it. There they were inputs as well,
 * and all the same constants: nobody could give another value.
 */
export function dropInitializerInputs(model: ModelProto): void {
  if (model.irVersion >= IR_VERSION) return;
  model.irVersion = IR_VERSION;
  for (const graph of graphsOf(model)) {
    const initializers = new Set(graph.initializer.map(({ name }) => name));
    graph.input = graph.input.filter(({ name }) => !initializers.has(name));
  }
}
