import { Argument } from "./argument.js";
import { isArrayWrapper, wrappedArray } from "./joblib-array.js";
import { MAX_DEPTH, MAX_OPERATIONS } from "./limits.js";
import { type Machine, OPERATION_OF } from "./operations.js";
import { type Imports, Stack } from "./stack.js";

/** A walk that ended at a pickle's end, or before it with a problem. */
export interface Walk {
  /** The byte after the last one walked. */
  readonly end: number;
  readonly protocol: number;
  /** Why it ended before; `end` is where. */
  readonly problem?: string;
}

const STOP = ".".charCodeAt(0);

export interface WalkOptions {
  /**
   * Follow joblib, which puts arrays between two operations: one of numbers is passed over, one of objects is a pickle of
   * its own and is walked too. Default true; Python's own pickle would take an array for operations.
   */
  arrays?: boolean;
  depth?: number;
}

/** Walks one pickle from `start`, adding its imports to `imports`. Nothing of it is executed. */
export function walkPickle(
  bytes: Uint8Array,
  start: number,
  imports: Imports,
  { arrays = true, depth = 0 }: WalkOptions = {},
): Walk {
  const argument = new Argument(bytes);
  let at = start;
  const machine: Machine = {
    stack: new Stack(),
    imports,
    protocol: 0,
    built(object, state) {
      if (!arrays || !isArrayWrapper(object)) return;
      const array = wrappedArray(state, bytes, at);
      if (array !== "objects") {
        at = array;
        return;
      }
      if (depth === MAX_DEPTH) throw new RangeError("pickles are nested too deep");
      const inner = walkPickle(bytes, at, imports, { depth: depth + 1 });
      at = inner.end;
      if (inner.problem !== undefined) throw new RangeError(inner.problem);
    },
  };
  let begin = at;
  try {
    for (let count = 0; ; count++) {
      begin = at;
      const byte = bytes[at++];
      if (byte === STOP) return { end: at, protocol: machine.protocol };
      if (byte === undefined) throw new RangeError("the pickle ends without its last operation");
      if (count === MAX_OPERATIONS) throw new RangeError(`more than ${MAX_OPERATIONS} operations`);
      const operation = OPERATION_OF[byte];
      if (operation === undefined)
        throw new RangeError(`there is no operation 0x${byte.toString(16).padStart(2, "0")}`);
      at = argument.read(operation[0], at);
      operation[1](machine, argument);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { end: begin, protocol: machine.protocol, problem: error.message };
  }
}
