import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/** The names of all tensors of the main graph. */
export function tensorNames({ graph }: ModelProto): Set<string> {
  const { input = [], initializer = [], node = [] } = graph ?? {};
  return new Set([...[...input, ...initializer].map(({ name }) => name), ...node.flatMap((n) => n.output)]);
}

/**
 * Gives initializers that onnxruntime made while it optimised a model (the shapes around a Gemm, and the like) names that it does not
 * choose itself. It would choose the same for others when it optimises the result, and not load that: "Attempt to replace the existing
 * tensor" (onnxruntime 1.30).
 *
 * @param known names of the model before
 */
export function renameMade(model: ModelProto, known: ReadonlySet<string>): void {
  const names = tensorNames(model);
  const renamed = new Map<string, string>();
  for (const tensor of model.graph?.initializer ?? []) {
    if (known.has(tensor.name)) continue;
    let name = `${tensor.name}_made`;
    while (names.has(name)) name += "_";
    names.add(name);
    renamed.set(tensor.name, name);
    tensor.name = name;
  }
  for (const info of model.graph?.valueInfo ?? []) info.name = renamed.get(info.name) ?? info.name;
  // Subgraphs read tensors of the graph around them, and have no other of such a name.
  for (const { node } of graphsOf(model))
    for (const { input } of node)
      for (const [i, name] of input.entries()) input[i] = renamed.get(name) ?? name;
}
