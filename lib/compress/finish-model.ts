import { create } from "@bufbuild/protobuf";
import { plainShapes } from "../graph/plain-shapes.js";
import { isDeferred, settleTensor } from "../onnx/deferred.js";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openModel } from "../onnx/read.js";
import { isStandard } from "../onnx/standard-set.js";
import { isExternal } from "../onnx/tensor-proto.js";
import { operatorDomains, tensorsOf } from "../onnx/walk.js";
import type { QuantizeMode, QuantizeSettings } from "./options.js";

/** Key in the model's metadata_props that says what was done to it. */
export const QUANTIZED_KEY = "modelpress.quantized";

/**
 * Drops what a runtime does without: operator sets that nothing uses any more, types and shapes that the model was not given with or
 * that follow from others. Says in the metadata what the model is.
 *
 * @param described the tensors whose types and shapes the model was given with
 */
export function finishModel(
  { proto }: OnnxModel,
  mode: QuantizeMode,
  settings: QuantizeSettings,
  described: ReadonlySet<string>,
): void {
  const used = new Set(operatorDomains(proto));
  proto.opsetImport = proto.opsetImport.filter((set) => isStandard(set) || used.has(set.domain));
  const graph = proto.graph!;
  const plain = plainShapes(graph);
  graph.valueInfo = graph.valueInfo.filter(({ name }) => described.has(name) && !plain.has(name));
  const { activations, weights, blocks } = settings;
  const value =
    mode === "static"
      ? `static, activations ${activations}, weights ${weights}`
      : blocks
        ? `weights, ${blocks.bits} bits in blocks of ${blocks.blockSize}`
        : mode;
  proto.metadataProps = [
    ...proto.metadataProps.filter(({ key }) => key !== QUANTIZED_KEY),
    create(StringStringEntryProtoSchema, { key: QUANTIZED_KEY, value }),
  ];
}

/** The model with no file behind it: the folder of the prepared model is about to go. */
export function inMemory(model: OnnxModel): OnnxModel {
  for (const tensor of tensorsOf(model.proto)) {
    if (isDeferred(tensor)) {
      settleTensor(tensor);
      continue;
    }
    const { buffer, byteOffset, byteLength } = model.bytes(tensor);
    if (byteLength > 0)
      tensor.rawData = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice();
    if (!isExternal(tensor)) continue;
    tensor.externalData = [];
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  }
  return openModel(model.proto);
}
