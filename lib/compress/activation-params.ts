import type { ObservedRange } from "../calibrate/observer.js";
import { ModelOperationError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { computeQuantParams, type QuantParams } from "../quantize/compute-quant-params.js";
import type { ActivationType, QuantizeSettings, TensorOverride } from "./options.js";

export interface ActivationParams extends QuantParams {
  readonly dtype: ActivationType;
  /** The range they were computed from. */
  readonly min: number;
  readonly max: number;
}

/**
 * Scale and zero point of one activation: from its override, its operator or what calibration saw, in this order.
 *
 * @throws ModelOperationError CALIBRATION_INVALID when calibration saw no value of it
 */
export function activationParams(
  graph: Graph,
  tensor: string,
  observed: ObservedRange | undefined,
  { activations, symmetric, overrides }: QuantizeSettings,
): ActivationParams {
  const override = (overrides[tensor] ?? {}) as TensorOverride;
  const { dtype = activations } = override;
  const { min, max } = rangeOf(graph, tensor, observed, override);
  const params = computeQuantParams({ min, max, dtype, symmetric: override.symmetric ?? symmetric });
  return { ...params, dtype, min, max };
}

function rangeOf(
  graph: Graph,
  tensor: string,
  observed: ObservedRange | undefined,
  { min, max }: TensorOverride,
): { min: number; max: number } {
  if (min !== undefined && max !== undefined) return { min, max };
  // Softmax gives 0..1 by definition; what the samples reached says less.
  if (graph.producer(tensor)?.opType === "Softmax") return { min: 0, max: 1 };
  if (!observed || observed.count === 0)
    throw new ModelOperationError(
      "CALIBRATION_INVALID",
      `the samples gave no value of tensor ${JSON.stringify(tensor)}; give samples that run this part of the model, or exclude its node`,
    );
  return observed;
}
