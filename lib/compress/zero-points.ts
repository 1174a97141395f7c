import type { Graph } from "../graph/graph.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import type { TypedArray } from "../tensor.js";
import type { ActivationType } from "./options.js";

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array } as const;

/** The zero points of a graph: tensors that have the same share one initializer, with a name as short as its value. */
export class ZeroPoints {
  private readonly names = new Map<string, string>();

  constructor(private readonly graph: Graph) {}

  /**
   * The initializer that holds a zero point, made where there is none yet.
   *
   * @param channels how many have it; of none, it is of the whole tensor
   */
  of(dtype: ActivationType, value: number, channels?: number): string {
    const key = `${dtype}_${value}${channels === undefined ? "" : `_x${channels}`}`;
    let name = this.names.get(key);
    if (name === undefined) {
      name = this.graph.freeName(key);
      const values: TypedArray = new ARRAYS[dtype](channels ?? 1).fill(value);
      this.graph.addInitializer(encodeTensor(name, dtype, channels === undefined ? [] : [channels], values));
      this.names.set(key, name);
    }
    return name;
  }
}
