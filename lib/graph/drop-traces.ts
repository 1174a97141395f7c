import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/** The keys under which torch's newer exporter and its optimizer note where an operator came from. */
const TRACE_KEY = /^(namespace$|pkg\.(torch|onnxscript)\.)/;

/**
 * Drops what torch's exporter notes at nodes and tensors about the program that made the model: lines of its source, its paths and
 * classes. No runtime reads it, and of a small quantized model it is a quarter of the bytes. Other metadata stays.
 */
export function dropTraces(model: ModelProto): void {
  const bodies = [...graphsOf(model), ...model.functions];
  for (const body of bodies)
    for (const noted of [body, ...body.node, ...body.valueInfo])
      noted.metadataProps = noted.metadataProps.filter(({ key }) => !TRACE_KEY.test(key));
}
