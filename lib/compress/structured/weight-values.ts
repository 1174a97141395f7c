import type { Axes } from "../../graph/channels/axes.js";
import { dtypeOf } from "../../onnx/data-type.js";
import { storedFloats } from "../prune/stored-floats.js";

/** The values of a weight as numbers, whatever type of floats the file has. */
export function weightValues({ graph }: Axes, weight: string): Float32Array | Float64Array {
  const stored = graph.initializer(weight)!;
  const load = () => graph.model.tensor(stored).data;
  return storedFloats(dtypeOf(stored.dataType), load)?.load() ?? (load() as Float64Array);
}
