import { ELEMENT_TYPES } from "modelpress";
import { compare } from "./compare.mjs";
import { bitPatterns, random, scaleAtRandom } from "./random.mjs";

const QUANTIZED = /** @type {const} */ ([
  { name: "int8", Type: Int8Array, bits: 8, lowest: -128 },
  { name: "uint8", Type: Uint8Array, bits: 8, lowest: 0 },
  { name: "int16", Type: Int16Array, bits: 16, lowest: -32768 },
  { name: "uint16", Type: Uint16Array, bits: 16, lowest: 0 },
  { name: "int4", Type: Uint8Array, bits: 4, lowest: -8 },
  { name: "uint4", Type: Uint8Array, bits: 4, lowest: 0 },
]);

/** @param {import("./random.mjs").Round} round */
export function compareLinear({
  scale,
  channels,
  inner,
  length,
  scales,
  x,
  perChannel,
  halves,
  offset,
  text,
}) {
  const blockSize = 1 + (random() % 40);
  const blockScales = Float32Array.from(
    { length: (length / channels) * Math.ceil(channels / blockSize) },
    scaleAtRandom,
  );
  for (const [floatType, inputs] of /** @type {const} */ ([
    ["float32", [x, perChannel]],
    ["float16", [halves, halves]],
    ["bfloat16", [halves, halves]],
  ]))
    for (const { name, Type, bits, lowest } of QUANTIZED) {
      const { [floatType]: f, [name]: q } = ELEMENT_TYPES;
      const pointAtRandom = () => lowest + (random() % 2 ** bits);
      const zeroPoint = pointAtRandom();
      const zeroPoints = new Int32Array(channels).map(pointAtRandom);
      const blockPoints = new Int32Array(blockScales.length).map(pointAtRandom);
      const elements = bits === 4 ? (length + 1) >> 1 : length;
      const steps = new Type(bitPatterns(elements));
      const Floats = floatType === "float32" ? Float32Array : Uint16Array;
      /** @type {[string, [number, number] | [Float32Array, Int32Array, number] | [Float32Array, Int32Array, number, number, number]][]} */
      const layouts = [
        ["", [scale, zeroPoint]],
        ["PerAxis", [scales, zeroPoints, inner]],
        ["Blocked", [blockScales, blockPoints, channels, inner, blockSize]],
      ];
      for (const [layout, parameters] of layouts) {
        const from = inputs[layout === "PerAxis" ? 1 : 0];
        compare(`quantizeLinear${layout} ${floatType} ${name}, ${text}`, (backend) => {
          const y = new Type(elements + offset);
          // @ts-expect-error the parameters are those of the layout
          backend[`quantizeLinear${layout}`](from, f, y.subarray(offset), q, ...parameters);
          return y;
        });
        compare(`dequantizeLinear${layout} ${name} ${floatType}, ${text}`, (backend) => {
          const y = new Floats(length + offset);
          // @ts-expect-error the parameters are those of the layout
          backend[`dequantizeLinear${layout}`](steps, q, y.subarray(offset), f, ...parameters);
          return y;
        });
      }
    }
}

/** @param {import("./random.mjs").Round} round */
export function compareInt32({ scale, channels, inner, length, scales, text }) {
  const bias = new Int32Array(bitPatterns(length).buffer);
  compare(`dequantizeLinear int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinear(bias, ELEMENT_TYPES.int32, y, ELEMENT_TYPES.float32, scale, 0);
    return y;
  });
  compare(`dequantizeLinearPerAxis int32, ${text}`, (backend) => {
    const y = new Float32Array(length);
    backend.dequantizeLinearPerAxis(
      bias,
      ELEMENT_TYPES.int32,
      y,
      ELEMENT_TYPES.float32,
      scales,
      new Int32Array(channels),
      inner,
    );
    return y;
  });
}
