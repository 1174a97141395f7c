/** numpy.finfo(float).eps: what onnxruntime's debugger takes in place of a norm of zero. */
const SMALLEST_NORM = 2 ** -52;

/** What quantization does to one activation, in decibels as onnxruntime's debugger (qdq_loss_debug) gives them. */
export interface ActivationError {
  /** Of the quantized model before rounding against after it. */
  qdqErr: number;
  /** Of the float model against the quantized one after rounding; absent where the float model has no such tensor. */
  xmodelErr?: number;
}

/** Signal to quantization noise: 20 log10(|signal| / |noise|), both norms at least 2^-52. */
export function signalToNoise(signal: number, noise: number): number {
  const norm = (squares: number) => Math.max(Math.sqrt(squares), SMALLEST_NORM);
  return 20 * Math.log10(norm(signal) / norm(noise));
}

/** Folds one activation, run after run, in float64. */
export class RoundingError {
  private before = 0;
  private rounding = 0;
  private float = 0;
  private difference = 0;
  private hasFloat = false;

  /** Takes the first `length` values of a run. */
  add(before: Float32Array, after: Float32Array, float: Float32Array | undefined, length: number): void {
    for (let i = 0; i < length; i++) {
      const error = before[i]! - after[i]!;
      this.before += before[i]! * before[i]!;
      this.rounding += error * error;
    }
    if (float === undefined) return;
    this.hasFloat = true;
    for (let i = 0; i < length; i++) {
      const error = float[i]! - after[i]!;
      this.float += float[i]! * float[i]!;
      this.difference += error * error;
    }
  }

  result(): ActivationError {
    const qdqErr = signalToNoise(this.before, this.rounding);
    return this.hasFloat ? { qdqErr, xmodelErr: signalToNoise(this.float, this.difference) } : { qdqErr };
  }
}
