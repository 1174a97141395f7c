import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { pruneModel, quantizeModel, readOnnx } from "../lib/index.js";
import { StringStringEntryProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { Network } from "./support/network.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const NOTES = {
  namespace: ": __main__.Net/s1: __main__.Layer",
  "pkg.torch.onnx.stack_trace": 'File "/home/somebody/train.py", line 67, in forward',
  "pkg.onnxscript.rewriter.rule_name": "FuseBatchNormIntoConv",
  layer_ann: "encoder",
};
const data = [{ feeds: { x: randomTensor([1, 3, 8, 8], 3) } }];

/** Two convolutions, noted as torch notes them. */
function noted(): Uint8Array {
  const net = new Network();
  const proto = net.model({ x: ["n", 3, 8, 8] }, [net.conv(net.node("Relu", [net.conv("x", 3, 16)]), 16, 8)]);
  for (const node of proto.graph!.node)
    node.metadataProps = Object.entries(NOTES).map((entry) =>
      create(StringStringEntryProtoSchema, { key: entry[0], value: entry[1] }),
    );
  return modelFile(proto);
}

test.each([
  ["quantized", (output: string) => quantizeModel(noted(), { output, data, mode: "static" })],
  ["quantized without data", (output: string) => quantizeModel(noted(), { output, mode: "weights" })],
  ["pruned", (output: string) => pruneModel(noted(), { output, pattern: "channel", sparsity: 0.5 })],
])("a %s model tells nothing of the program that made it, and keeps other notes", async (name, make) => {
  const output = join(folder, `${name}.onnx`);
  const { model } = await make(output);
  model.close();
  const keys = readOnnx(output).proto.graph!.node.flatMap(({ metadataProps }) =>
    metadataProps.map(({ key }) => key),
  );
  expect(new Set(keys)).toEqual(new Set(["layer_ann"]));
});
