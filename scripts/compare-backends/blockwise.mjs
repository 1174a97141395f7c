import { compare } from "./compare.mjs";
import { bitPatterns, random } from "./random.mjs";

/** @param {import("./random.mjs").Round} round */
export function compareBlockwise({ inner, length, perChannel, offset, text }) {
  for (const bits of [4, 8]) {
    const blockSize = 16 << (random() % 5);
    const transposed = random() % 2 === 0;
    const symmetric = random() % 2 === 0;
    const blocks = Math.ceil(inner / blockSize);
    const cols = length / inner;
    const layout = /** @type {const} */ ([inner, cols, blockSize, bits, transposed]);
    const sizes = [
      (cols * blocks * blockSize * bits) / 8,
      4 * cols * blocks,
      cols * Math.ceil((blocks * bits) / 8),
    ];
    const [packedBytes = 0, scaleBytes = 0, pointBytes = 0] = sizes;
    const name = `${bits} bits, blocks of ${blockSize}, ${inner} rows, ${cols} columns, ${transposed ? "transposed, " : ""}${text}`;
    /** @param {Uint8Array} all */
    const parts = (all) =>
      /** @type {const} */ ([
        all.subarray(scaleBytes, scaleBytes + packedBytes),
        new Float32Array(all.buffer, all.byteOffset, scaleBytes / 4),
        symmetric ? undefined : all.subarray(scaleBytes + packedBytes),
      ]);
    const total = scaleBytes + packedBytes + pointBytes;
    compare(`quantizeBlockwise ${name}`, (backend) => {
      const y = new Uint8Array(total).fill(99);
      backend.quantizeBlockwise(perChannel, ...parts(y), ...layout);
      return y;
    });
    compare(`fitBlockwise ${name}`, (backend) => {
      const y = new Uint8Array(total).fill(99);
      backend.quantizeBlockwise(perChannel, ...parts(y), ...layout);
      backend.fitBlockwise(perChannel, ...parts(y), ...layout);
      return y;
    });
    const quantized = new Uint8Array(bitPatterns((total + 3) >> 2).buffer, 0, total);
    compare(`dequantizeBlockwise ${name}`, (backend) => {
      const y = new Float32Array(length + offset);
      backend.dequantizeBlockwise(...parts(quantized), y.subarray(offset), ...layout);
      return y;
    });
  }
}
