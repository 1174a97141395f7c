import { ARRAY_WRAPPER } from "./joblib-array.js";
import { MAX_PICKLES } from "./limits.js";
import { Imports } from "./stack.js";
import type { PickleImport } from "./value.js";
import { walkPickle } from "./walk-pickle.js";

/** What loading pickled bytes would run. */
export interface PickleScan {
  /** The highest that is announced; 0 where none is. */
  readonly protocol: number;
  /** Pickles one after the other. */
  readonly pickles: number;
  /** In the order in which they first come. */
  readonly imports: readonly PickleImport[];
  /** Bytes behind the last pickle, which loading it would not look at. */
  readonly trailing: number;
  /** Why and at which byte the walk ended early; there may be more imports behind it. */
  readonly problem?: { readonly message: string; readonly offset: number };
}

const PROTO = 0x80;
const LAST_PROTOCOL = 5;

/**
 * Lists the imports of pickled bytes without executing any of them, and walks on into pickles that follow the first.
 *
 * @param count how many pickles to walk at most
 */
export function scanPickle(bytes: Uint8Array, count = MAX_PICKLES): PickleScan {
  const imports = new Imports();
  let at = 0;
  let protocol = 0;
  let pickles = 0;
  do {
    const walk = walkPickle(bytes, at, imports);
    if (pickles === 0 && imports.has(ARRAY_WRAPPER)) imports.addMissing(importsWithoutArrays(bytes));
    at = walk.end;
    protocol = Math.max(protocol, walk.protocol);
    if (walk.problem !== undefined) {
      const problem = { message: walk.problem, offset: at };
      return { protocol, pickles, imports: imports.list(), trailing: 0, problem };
    }
    pickles++;
  } while (pickles < count && bytes[at] === PROTO && bytes[at + 1]! <= LAST_PROTOCOL);
  return { protocol, pickles, imports: imports.list(), trailing: bytes.byteLength - at };
}

/** What joblib takes for an array may be operations to whoever loads the file with pickle, which reads one pickle only. */
function importsWithoutArrays(bytes: Uint8Array): Imports {
  const imports = new Imports();
  walkPickle(bytes, 0, imports, { arrays: false });
  return imports;
}
