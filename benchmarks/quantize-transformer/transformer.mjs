import { create } from "@bufbuild/protobuf";
import { deferTensor } from "../../build/lib/onnx/deferred.js";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType,
} from "../../build/lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../../build/lib/onnx/tensor-proto.js";

const [LAYERS, HIDDEN, INNER, HEADS, VOCABULARY, POSITIONS] = [12, 768, 3072, 12, 30522, 512];

/** A transformer in the shape of BERT-base, its weights random and yet to be made. */
export function transformer() {
  /** @type {import("../../build/lib/onnx/proto/onnx_pb.js").TensorProto[]} */
  const initializer = [];
  /** @type {object[]} */
  const node = [];
  /** @param {string} name @param {number[]} shape @param {(array: Float32Array) => void} fill */
  const weight = (name, shape, fill = fillNoise) => {
    initializer.push(deferTensor(name, "float32", shape, (data) => fill(/** @type {Float32Array} */ (data))));
    return name;
  };
  /** @param {string} name @param {number[]} values */
  const integers = (name, values) => {
    initializer.push(encodeTensor(name, "int64", [values.length], BigInt64Array.from(values, BigInt)));
    return name;
  };
  /** @param {string} opType @param {string[]} input @param {string} output @param {object[]} attribute */
  const add = (opType, input, output, attribute = []) => {
    node.push({ opType, name: `/${output}`, input, output: [output], attribute });
    return output;
  };
  /** @param {string} x @param {string} name @param {number} rows @param {number} cols */
  const linear = (x, name, rows, cols) =>
    add(
      "Add",
      [
        add("MatMul", [x, weight(`${name}.weight`, [rows, cols])], `${name}.product`),
        weight(`${name}.bias`, [cols]),
      ],
      name,
    );
  /** @param {string} x @param {string} name */
  const norm = (x, name) =>
    add(
      "LayerNormalization",
      [x, weight(`${name}.scale`, [HIDDEN], (data) => data.fill(1)), weight(`${name}.bias`, [HIDDEN])],
      name,
      [{ name: "axis", i: -1n, type: AttributeType.INT }],
    );
  /** @param {string} x @param {string} name @param {number[]} perm */
  const turned = (x, name, perm) =>
    add("Transpose", [add("Reshape", [x, "split"], `${name}.split`)], name, [
      { name: "perm", ints: perm.map(BigInt), type: AttributeType.INTS },
    ]);
  integers("split", [0, 0, HEADS, HIDDEN / HEADS]);
  integers("join", [0, 0, HIDDEN]);
  initializer.push(encodeTensor("root", "float32", [], Float32Array.of(Math.sqrt(HIDDEN / HEADS))));
  initializer.push(encodeTensor("sqrt2", "float32", [], Float32Array.of(Math.SQRT2)));
  initializer.push(encodeTensor("one", "float32", [], Float32Array.of(1)));
  initializer.push(encodeTensor("half", "float32", [], Float32Array.of(0.5)));

  const words = add("Gather", [weight("words", [VOCABULARY, HIDDEN]), "ids"], "embedded");
  const places = add("Gather", [weight("places", [POSITIONS, HIDDEN]), "positions"], "placed");
  let x = norm(add("Add", [words, places], "sum"), "norm");
  for (let i = 0; i < LAYERS; i++) {
    const [q, k, v] = ["q", "k", "v"].map((part) => linear(x, `layer${i}.${part}`, HIDDEN, HIDDEN));
    const query = turned(/** @type {string} */ (q), `layer${i}.queries`, [0, 2, 1, 3]);
    const key = turned(/** @type {string} */ (k), `layer${i}.keys`, [0, 2, 3, 1]);
    const value = turned(/** @type {string} */ (v), `layer${i}.values`, [0, 2, 1, 3]);
    const scores = add("Div", [add("MatMul", [query, key], `layer${i}.match`), "root"], `layer${i}.scores`);
    const weights = add("Softmax", [scores], `layer${i}.attention`, [
      { name: "axis", i: -1n, type: AttributeType.INT },
    ]);
    const context = add("Transpose", [add("MatMul", [weights, value], `layer${i}.mixed`)], `layer${i}.back`, [
      { name: "perm", ints: [0n, 2n, 1n, 3n], type: AttributeType.INTS },
    ]);
    const attended = linear(
      add("Reshape", [context, "join"], `layer${i}.context`),
      `layer${i}.out`,
      HIDDEN,
      HIDDEN,
    );
    const y = norm(add("Add", [attended, x], `layer${i}.first`), `layer${i}.norm1`);
    const up = linear(y, `layer${i}.up`, HIDDEN, INNER);
    const bell = add(
      "Add",
      [add("Erf", [add("Div", [up, "sqrt2"], `layer${i}.ratio`)], `layer${i}.erf`), "one"],
      `layer${i}.bell`,
    );
    const gelu = add("Mul", [add("Mul", [up, bell], `layer${i}.wide`), "half"], `layer${i}.gelu`);
    const down = linear(gelu, `layer${i}.down`, INNER, HIDDEN);
    x = norm(add("Add", [down, y], `layer${i}.second`), `layer${i}.norm2`);
  }
  const logits = linear(x, "logits", HIDDEN, 2);
  /** @param {string} name @param {number} elemType @param {(string | number)[]} shape */
  const described = (name, elemType, shape) => {
    const dim = shape.map((size) => ({
      value:
        typeof size === "string"
          ? /** @type {const} */ ({ case: "dimParam", value: size })
          : /** @type {const} */ ({ case: "dimValue", value: BigInt(size) }),
    }));
    return {
      name,
      type: { value: /** @type {const} */ ({ case: "tensorType", value: { elemType, shape: { dim } } }) },
    };
  };
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "transformer",
      node,
      initializer,
      input: ["ids", "positions"].map((name) =>
        described(name, TensorProto_DataType.INT64, ["batch", "length"]),
      ),
      output: [described(logits, TensorProto_DataType.FLOAT, ["batch", "length", 2])],
    },
  });
}

/** Around zero, as trained weights lie. @param {Float32Array} data */
function fillNoise(data) {
  let state = data.length;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  for (let i = 0; i < data.length; i++) data[i] = (next() + next() + next()) / 15;
}
