/** The ways to find a range; moving-average is the mean over all samples of their ends, as onnxruntime has it. */
export const OBSERVER_METHODS = ["minmax", "moving-average", "percentile", "entropy", "mse"] as const;

export type ObserverMethod = (typeof OBSERVER_METHODS)[number];
