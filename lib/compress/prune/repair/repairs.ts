import { outOfRange } from "../../../errors.js";

/** What is done with calibration data for the weights that stay. */
export type PruneRepair = "least-squares" | "bias" | "batch-norm";

/** The repairs that are wanted. */
export interface Repairs {
  readonly leastSquares: boolean;
  readonly bias: boolean;
  readonly batchNorm: boolean;
}

const REPAIRS: readonly PruneRepair[] = ["least-squares", "bias", "batch-norm"];

/** @throws RangeError for anything that is no list of repairs */
export function repairsOf(wanted: readonly PruneRepair[]): Repairs {
  if (!Array.isArray(wanted)) throw outOfRange(`a list of ${REPAIRS.join(", ")}`, "repair", wanted);
  for (const each of wanted)
    if (!REPAIRS.includes(each)) throw outOfRange(`of ${REPAIRS.join(", ")}`, "repair", each);
  return {
    leastSquares: wanted.includes("least-squares"),
    bias: wanted.includes("bias"),
    batchNorm: wanted.includes("batch-norm"),
  };
}

export function anyRepair({ leastSquares, bias, batchNorm }: Repairs): boolean {
  return leastSquares || bias || batchNorm;
}

/** What was done, in plain words. */
export function describeRepairs({ leastSquares, bias, batchNorm }: Repairs): string[] {
  return [
    ...(leastSquares ? ["weights fitted by least squares"] : []),
    ...(bias && !batchNorm ? ["biases estimated again"] : []),
    ...(batchNorm ? ["means and deviations of outputs brought back"] : []),
  ];
}
