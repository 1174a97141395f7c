import type { Backend, Operations } from "../backend.js";
import * as blockwise from "./js/blockwise.js";
import * as cast from "./js/cast.js";
import * as dequantize from "./js/dequantize.js";
import * as gguf from "./js/gguf.js";
import * as histogram from "./js/histogram.js";
import * as linalg from "./js/linalg.js";
import * as minmax from "./js/minmax.js";
import * as norms from "./js/norms.js";
import * as prune from "./js/prune.js";
import * as quantize from "./js/quantize.js";
import * as sparse from "./js/sparse.js";

const operations: Operations<void> = {
  ...blockwise,
  ...cast,
  ...dequantize,
  ...gguf,
  ...histogram,
  ...linalg,
  ...minmax,
  channelNorms: norms.channelNorms,
  ...prune,
  ...quantize,
  ...sparse,
};

type Operation<Result> = (...args: unknown[]) => Result;

/** Lets other events come first. */
function later(operation: Operation<void>): Operation<Promise<void>> {
  return (...args) =>
    new Promise((resolve, reject) => {
      setImmediate(() => {
        try {
          operation(...args);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
}

const async = Object.fromEntries(
  Object.entries(operations).map(([name, operation]) => [name, later(operation as Operation<void>)]),
) as unknown as Operations<Promise<void>>;

/** The backend that is always there. */
export const js: Backend = { name: "js", ...operations, async };
