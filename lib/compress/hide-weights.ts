import { create } from "@bufbuild/protobuf";
import { Graph } from "../graph/graph.js";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openModel } from "../onnx/read.js";
import { isStandard } from "../onnx/standard-set.js";
import { expectedBytes } from "../onnx/tensor-proto.js";

/** Where operators have a weight into which the basic optimisations fold nothing. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  MatMul: [1],
  Gemm: [1],
  Gather: [0],
  LSTM: [1, 2],
  GRU: [1, 2],
  RNN: [1, 2],
};
/** Smaller ones are no burden. */
const SMALLEST_BYTES = 1024 * 1024;
/** The longest array of bytes that Node 20 has. */
const LARGEST_BYTES = 2 ** 32 - 1;

export interface HiddenWeights {
  /** The model without the data of its large weights, which are inputs of the graph instead. */
  readonly model: OnnxModel;
  /** Puts the weights into a rewritten form of that model, as views of the files of the first, which it closes with its own. */
  restore(rewritten: OnnxModel): OnnxModel;
}

/** Takes the large weights out of a model for somebody who wants to see the graph only. */
export function hideWeights(source: OnnxModel): HiddenWeights {
  const graph = new Graph(source);
  const weights = source.proto.graph!.initializer.filter((tensor) => canHide(graph, tensor));
  const hidden = new Set(weights.map(({ name }) => name));
  const proto = source.proto.graph!;
  const input = [...proto.input.filter(({ name }) => !hidden.has(name)), ...weights.map(asInput)];
  const initializer = proto.initializer.filter(({ name }) => !hidden.has(name));
  const bare = Object.assign(create(GraphProtoSchema), proto, { input, initializer });
  const model = Object.assign(create(ModelProtoSchema), source.proto, { graph: bare });
  return {
    model: openModel(model, source.path),
    restore(rewritten) {
      const target = rewritten.proto.graph!;
      target.input = target.input.filter(({ name }) => !hidden.has(name));
      const originals = new Map(weights.map((tensor) => [withData(source, tensor), tensor]));
      target.initializer.push(...originals.keys());
      const whole = openModel(rewritten.proto, rewritten.path);
      // Asked for there, so that the pages of a file that is read once can be let go of.
      const holder = (stored: TensorProto) => {
        const original = originals.get(stored);
        return original ? ([source, original] as const) : ([whole, stored] as const);
      };
      return {
        ...whole,
        bytes(stored, part) {
          const [model, tensor] = holder(stored);
          return model.bytes(tensor, part);
        },
        tensor(stored) {
          const [model, tensor] = holder(stored);
          return model.tensor(tensor);
        },
        close() {
          whole.close();
          rewritten.close();
          source.close();
        },
      };
    },
  };
}

function canHide(graph: Graph, tensor: TensorProto): boolean {
  const { name } = tensor;
  const size = expectedBytes(tensor) ?? 0;
  const uses = graph.consumers(name);
  return (
    size >= SMALLEST_BYTES &&
    size <= LARGEST_BYTES &&
    graph.isInternal(name) &&
    uses.length > 0 &&
    uses.every(({ node, index }) => isStandard(node) && WEIGHT_INPUTS[node.opType]?.includes(index))
  );
}

function asInput({ name, dataType, dims }: TensorProto): ValueInfoProto {
  const dim = dims.map((size) => ({ value: { case: "dimValue", value: size } as const }));
  const type = { case: "tensorType", value: { elemType: dataType, shape: { dim } } } as const;
  return create(ValueInfoProtoSchema, { name, type: { value: type } });
}

function withData(model: OnnxModel, tensor: TensorProto): TensorProto {
  const { name, dataType, dims } = tensor;
  const { buffer, byteOffset, byteLength } = model.bytes(tensor);
  const rawData = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return create(TensorProtoSchema, { name, dataType, dims, rawData });
}
