import { Dict, Instance, Tuple, type Value } from "./value.js";

/** Places in the state of a numpy dtype. */
const ITEM_SIZE = 5;
const FLAGS = 7;
const HOLDS_OBJECTS = 1;

export const ARRAY_WRAPPER = { module: "joblib.numpy_pickle", name: "NumpyArrayWrapper" } as const;

/** Whether this stands before an array that joblib wrote into the midst of a pickle. */
export function isArrayWrapper({ of }: Instance): boolean {
  return of.module === ARRAY_WRAPPER.module && of.name === ARRAY_WRAPPER.name;
}

/**
 * Where an array ends that begins at a byte, after a wrapper that got this state; "objects" where it is a pickle.
 * Source: NumpyArrayWrapper.read_array of joblib/numpy_pickle.py
 *
 * @throws RangeError where the wrapper does not say how long the array is, or the bytes end before
 */
export function wrappedArray(state: Value, bytes: Uint8Array, at: number): number | "objects" {
  const unclear = () => new RangeError("an array follows whose length is not clear");
  if (!(state instanceof Dict)) throw unclear();
  const itemSize = itemBytes(state.items.get("dtype"));
  if (itemSize === "objects") return itemSize;
  const shape = state.items.get("shape");
  if (itemSize === undefined || !(shape instanceof Tuple)) throw unclear();
  let length = itemSize;
  for (const size of shape.items) {
    if (typeof size !== "number" || size < 0) throw unclear();
    length *= size;
  }
  const aligned = typeof state.items.get("numpy_array_alignment_bytes") === "number";
  // A byte says how many bytes come before the array, so that it lies aligned.
  const from = aligned ? at + 1 + (bytes[at] ?? 0) : at;
  if (!(length <= bytes.byteLength - from)) throw new RangeError("the file ends inside an array");
  return from + length;
}

function itemBytes(dtype: Value | undefined): number | "objects" | undefined {
  if (!(dtype instanceof Instance) || !(dtype.args instanceof Tuple)) return undefined;
  const state = dtype.state instanceof Tuple ? dtype.state.items : [];
  const flags = state[FLAGS];
  const code = /^([a-zA-Z])(\d*)$/.exec(String(dtype.args.items[0] as string));
  if ((typeof flags === "number" && flags & HOLDS_OBJECTS) || code?.[1] === "O") return "objects";
  const stated = state[ITEM_SIZE];
  if (typeof stated === "number" && stated >= 0) return stated;
  return code?.[2] ? Number(code[2]) : undefined;
}
