import type { BlockwiseOperations } from "./operations/blockwise.js";
import type { CastOperations } from "./operations/cast.js";
import type { DequantizeOperations } from "./operations/dequantize.js";
import type { GgufOperations } from "./operations/gguf.js";
import type { HistogramOperations } from "./operations/histogram.js";
import type { LinalgOperations } from "./operations/linalg.js";
import type { MinMaxOperations } from "./operations/minmax.js";
import type { NormsOperations } from "./operations/norms.js";
import type { PruneOperations } from "./operations/prune.js";
import type { QuantizeOperations } from "./operations/quantize.js";
import type { SparseOperations } from "./operations/sparse.js";

/**
 * Every operation. Methods check no values, that is done by the functions that call them: arrays must have the lengths stated here
 * and must not overlap.
 *
 * A per-axis method sees `x` as [outer, channels, inner]: `channels` is the length of the parameter arrays, and `inner` is the
 * number of elements from one channel to the next. A blocked method sees it as [outer, size, inner], and the parameter arrays as
 * [outer, ceil(size / block), inner].
 */
export interface Operations<Result>
  extends BlockwiseOperations<Result>,
    CastOperations<Result>,
    DequantizeOperations<Result>,
    GgufOperations<Result>,
    HistogramOperations<Result>,
    LinalgOperations<Result>,
    MinMaxOperations<Result>,
    NormsOperations<Result>,
    PruneOperations<Result>,
    QuantizeOperations<Result>,
    SparseOperations<Result> {}

/**
 * One implementation of every operation. Plain JavaScript and each CPU instruction set have this shape and give the same bits for
 * every input.
 */
export interface Backend extends Operations<void> {
  readonly name: string;
  /**
   * The same operations off the event loop. Until the promise settles the arrays must stay as they are: not written, not
   * transferred, not shrunk. Plain JavaScript has no other thread to use, and works on this one a turn later.
   */
  readonly async: Operations<Promise<void>>;
}
