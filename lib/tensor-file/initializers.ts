import { ModelFormatError } from "../errors.js";
import { dataTypeName, dtypeOf } from "../onnx/data-type.js";
import type { OnnxModel } from "../onnx/read.js";
import { expectedBytes, isExternal, shapeOf } from "../onnx/tensor-proto.js";
import { bytesOf, type Fill, isAligned } from "../tensor.js";
import type { StoredTensor, TensorFile } from "./tensor-file.js";

/**
 * The initializers of a model as tensors of a file, and those that are none by name.
 *
 * @throws ModelFormatError MODEL_INVALID where two have one name, TENSOR_INVALID for an impossible shape
 */
export function initializersOf(model: OnnxModel): Pick<TensorFile, "tensors" | "others"> {
  const tensors = new Map<string, StoredTensor>();
  const others = new Map<string, string>();
  const { initializer, sparseInitializer } = model.proto.graph!;
  for (const stored of initializer) {
    if (tensors.has(stored.name) || others.has(stored.name))
      throw new ModelFormatError(
        "MODEL_INVALID",
        "two initializers have this name; give each one of its own",
        {
          path: model.path,
          field: `tensor ${JSON.stringify(stored.name)}`,
        },
      );
    const dtype = dtypeOf(stored.dataType);
    if (dtype === undefined) {
      others.set(stored.name, `its elements are ${dataTypeName(stored.dataType)}`);
      continue;
    }
    const byteLength = expectedBytes(stored, model.path)!;
    const shape = shapeOf(stored, model.path);
    const load = () => model.tensor(stored).data;
    // In one file with the graph, data lies where it comes to lie.
    const copied = !isExternal(stored) && !isAligned(dtype, stored.rawData);
    const fill: Fill = (data) => bytesOf(data).set(bytesOf(load()));
    tensors.set(stored.name, { dtype, type: dtype, shape, byteLength, load, ...(copied && { fill }) });
  }
  for (const { values } of sparseInitializer)
    others.set(values?.name ?? "", "it is stored as a sparse tensor");
  return { tensors, others };
}
