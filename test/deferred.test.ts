import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it, test } from "vitest";
import { hideWeights } from "../lib/compress/hide-weights.js";
import { quantizeModel } from "../lib/compress/quantize-model.js";
import { summarize } from "../lib/minmax/summarize.js";
import { deferTensor } from "../lib/onnx/deferred.js";
import { type ModelProto, TensorProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();

/** Sizes below and above what goes by itself, and one that ends no page. */
const SIZES = { a: 3, b: 2000, c: 0, d: 5000, e: 1 };

function valuesOf(size: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => size + i / 8);
}

describe("tensors made when they are written", () => {
  const deferred = () =>
    Object.entries(SIZES).map(([name, size]) =>
      deferTensor(name, "float32", [size], (data) => (data as Float32Array).set(valuesOf(size))),
    );
  const there = () => Object.entries(SIZES).map(([name, size]) => floats(name, [size], valuesOf(size)));

  test.each([
    ["in one file", { externalData: false }],
    ["in external data", { externalData: true }],
    ["in external data, all of them", { externalData: true, externalThreshold: 1 }],
  ])("are the same bytes %s", async (name, options) => {
    const write = async (which: string, model: ModelProto) => {
      mkdirSync(join(folder, which, name), { recursive: true });
      const paths = await writeOnnx(join(folder, which, name, "m.onnx"), openModel(model), options);
      return paths.map((path) => readFileSync(path));
    };
    const made = await write("deferred", buildModel({ nodes: [], initializers: deferred() }));
    const kept = await write("there", buildModel({ nodes: [], initializers: there() }));
    expect(made).toHaveLength(options.externalData ? 2 : 1);
    expect(made.map((bytes, i) => bytes.equals(kept[i]!))).toEqual(made.map(() => true));
  });

  it("are made anew for everybody who asks", () => {
    const model = openModel(buildModel({ nodes: [], initializers: deferred() }));
    const [once, again] = [model.tensors.get("b")!, model.tensors.get("b")!];
    expect(once.data).toEqual(valuesOf(2000));
    once.data[0] = 7;
    expect(again.data).toEqual(valuesOf(2000));
  });

  it("come from quantizeModel with values, when it writes no file", async () => {
    const { model, files } = await quantizeModel(carried("digits_cnn.onnx"), { mode: "weights" });
    const output = join(folder, "digits.onnx");
    await quantizeModel(carried("digits_cnn.onnx"), { mode: "weights", output });
    expect(files).toEqual([]);
    const again = join(folder, "again.onnx");
    await writeOnnx(again, model);
    expect(readFileSync(again).equals(readFileSync(output))).toBe(true);
  });
});

describe("a model that is mapped", () => {
  const path = join(folder, "mapped.onnx");
  writeFileSync(path, modelFile(buildModel({ nodes: [], initializers: [floats("w", [3], [1, 2, 3])] })));

  it("has no tensors and cannot be written once it is closed", async () => {
    const model = readOnnx(path);
    expect([...model.tensors.get("w")!.data]).toEqual([1, 2, 3]);
    model.close();
    const closed = expect.objectContaining({ code: "FILE_CLOSED" });
    expect(() => model.tensors.get("w")).toThrow(closed);
    const target = join(folder, "closed.onnx");
    await expect(writeOnnx(target, model)).rejects.toThrow(closed);
    expect(existsSync(target)).toBe(false);
  });

  it("is the same when it is read instead", () => {
    const model = readOnnx(path, { mmap: false });
    expect([...model.tensors.get("w")!.data]).toEqual([1, 2, 3]);
    model.close();
  });

  it("may lie behind 4 GiB of external data", () => {
    const place = openSync(join(folder, "far.data"), "w");
    const offset = 2 ** 32 + 4096;
    ftruncateSync(place, offset);
    writeSync(place, Float32Array.of(4, 5), 0, 8, offset);
    const entries = { location: "far.data", offset: String(offset) };
    const tensor = create(TensorProtoSchema, {
      name: "w",
      dims: [2n],
      dataType: 1,
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });
    for (const mmap of [true, false]) {
      const model = openModel(buildModel({ nodes: [] }), join(folder, "far.onnx"), { mmap });
      expect([...model.tensor(tensor).data]).toEqual([4, 5]);
      model.close();
    }
  });
});

it("leaves nothing behind when writing is stopped", async () => {
  const target = join(folder, "stopped");
  mkdirSync(target);
  const reason = new Error("enough");
  for (const externalData of [true, false])
    await expect(
      writeOnnx(join(target, "m.onnx"), readOnnx(carried("digits_cnn.onnx")), {
        externalData,
        signal: AbortSignal.abort(reason),
      }),
    ).rejects.toBe(reason);
  expect(readdirSync(target)).toEqual([]);
});

describe("weights hidden from onnxruntime", () => {
  const large = (name: string, seed: number) =>
    floats(name, [512, 512], new Float32Array(512 * 512).fill(seed));
  const model = () =>
    buildModel({
      nodes: [
        { op: "MatMul", in: ["x", "w"], out: ["h"] },
        { op: "MatMul", in: ["h", "t"], out: ["i"] },
        { op: "Transpose", in: ["u"], out: ["t"] },
        { op: "MatMul", in: ["i", "small"], out: ["y"] },
      ],
      initializers: [large("w", 1), large("u", 2), floats("small", [512, 1], new Array(512).fill(3))],
      inputs: { x: [1, 512] },
      outputs: ["y"],
    });

  it("are the large ones that nothing can be folded into, and come back", () => {
    const source = openModel(model());
    const hidden = hideWeights(source);
    const { graph } = hidden.model.proto;
    expect(graph!.initializer.map(({ name }) => name)).toEqual(["u", "small"]);
    expect(graph!.input.map(({ name }) => name)).toEqual(["x", "w"]);
    expect(source.proto.graph!.initializer).toHaveLength(3);

    const restored = hidden.restore(openModel(hidden.model.proto));
    expect(restored.proto.graph!.input.map(({ name }) => name)).toEqual(["x"]);
    expect(summarize(restored.tensors.get("w")!.data)).toMatchObject({ min: 1, max: 1 });
    restored.close();
    expect(() => source.tensors.get("w")).toThrow(expect.objectContaining({ code: "FILE_CLOSED" }));
  });
});
