import { ModelOperationError } from "../errors.js";
import type { QuantizeOptions } from "./options.js";

/** Options that say how calibration samples are used. */
const ABOUT_SAMPLES = ["samples", "calibrate", "calibrationCache"] as const;

/**
 * Refuses what goes by calibration samples where there are none.
 *
 * @throws ModelOperationError CALIBRATION_NEEDED, naming the option
 */
export function requireData(options: QuantizeOptions): void {
  const { data, mode, rounding } = options;
  if (data !== undefined) return;
  if (mode === "static")
    throw needed(
      "static quantization finds its ranges from samples; give data, or choose mode dynamic or weights",
    );
  if (rounding === "compensated")
    throw needed(
      "compensated rounding weighs errors by what samples show of each layer; give data, or round to nearest",
    );
  const lonely = ABOUT_SAMPLES.find((name) => options[name] !== undefined);
  if (lonely) throw aboutNoSamples(lonely);
}

/** The error for an option that says how calibration samples are used, given without any. */
export function aboutNoSamples(option: string): ModelOperationError {
  return needed(`${option} is about calibration samples, and there are none; give data, or leave it out`);
}

function needed(message: string): ModelOperationError {
  return new ModelOperationError("CALIBRATION_NEEDED", message);
}
