import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProtoSchema } from "../../lib/onnx/proto/onnx_pb.js";

/** Two floats that lie in data.bin, unless the entries say otherwise. */
export function externalTensor(entries: Record<string, string>): TensorProto {
  return create(TensorProtoSchema, {
    name: "w",
    dims: [2n],
    dataType: 1,
    dataLocation: 1,
    externalData: Object.entries({ location: "data.bin", ...entries }).map(([key, value]) => ({
      key,
      value,
    })),
  });
}
