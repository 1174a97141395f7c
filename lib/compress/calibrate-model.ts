import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { ObservedRange, ObserverMethod } from "../calibrate/observer.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openModel } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { OnProgress } from "../progress.js";
import type { ModelProcess } from "../runtime/model-process.js";

export interface CalibrateOptions {
  data: DatasetSource;
  samples?: number | undefined;
  method: ObserverMethod;
  threads?: number | undefined;
  /** Where the model with its tensors laid open may be written. */
  folder: string;
  onProgress?: OnProgress | undefined;
}

/**
 * Runs the model over the calibration samples and returns the range of each tensor. The tensors are folded into
 * observers in the process that runs the model, batch by batch: memory does not grow with the number of samples.
 *
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model or holds no sample
 * @throws ModelOperationError CALIBRATION_INVALID when a tensor becomes NaN or infinite
 */
export async function calibrateModel(
  models: ModelProcess,
  model: OnnxModel,
  tensors: readonly string[],
  { data, samples, method, threads, folder, onProgress }: CalibrateOptions,
): Promise<{ ranges: Record<string, ObservedRange>; samples: number }> {
  const path = join(folder, "calibration.onnx");
  const observed = new Map(tensors.map((tensor) => [observedName(model, tensor), tensor]));
  const extended = withOutputs(model, observed);
  await writeOnnx(path, extended);
  extended.close();
  const session = await models.load(path, threads === undefined ? {} : { threads });
  const dataset = await openDataset(data, { inputs: session.inputs, samples });
  const total = dataset.samples === undefined ? {} : { total: dataset.samples };
  let seen = 0;
  for await (const { feeds, count, padding } of dataset) {
    await session.observe(feeds, [...observed.keys()], method, padding);
    seen += count;
    onProgress?.({ stage: "calibrate", done: seen, ...total });
  }
  const results = Object.entries(await session.observed());
  await session.release();
  return {
    ranges: Object.fromEntries(results.map(([name, range]) => [observed.get(name)!, range])),
    samples: seen,
  };
}

/** An input cannot be an output as well, so it is observed through a copy. */
function observedName(model: OnnxModel, tensor: string): string {
  const isInput = model.proto.graph!.input.some(({ name }) => name === tensor);
  return isInput ? `${tensor}_observed` : tensor;
}

/** The same model with more outputs; its own graph is not touched. */
function withOutputs(model: OnnxModel, observed: ReadonlyMap<string, string>): OnnxModel {
  const graph = model.proto.graph!;
  const own = new Set(graph.output.map(({ name }) => name));
  const value = { case: "tensorType", value: { elemType: TensorProto_DataType.FLOAT } } as const;
  const outputs = [...observed.keys()]
    .filter((name) => !own.has(name))
    .map((name) => create(ValueInfoProtoSchema, { name, type: { value } }));
  const copies = [...observed]
    .filter(([name, tensor]) => name !== tensor)
    .map(([name, tensor]) =>
      create(NodeProtoSchema, { opType: "Identity", input: [tensor], output: [name] }),
    );
  const extended = Object.assign(create(GraphProtoSchema), graph, {
    node: [...graph.node, ...copies],
    output: [...graph.output, ...outputs],
  });
  return openModel(Object.assign(create(ModelProtoSchema), model.proto, { graph: extended }), model.path);
}
