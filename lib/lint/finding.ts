/** Something that a user should know of a model, and which nodes it is about. */
export interface Finding {
  /** error: the model does not run, or gives wrong answers; warning: it loses speed or accuracy; info: good to know. */
  severity: "error" | "warning" | "info";
  code: FindingCode;
  message: string;
  /** Names of nodes, or of tensors where the finding is about those. */
  where: string[];
}

export type FindingCode =
  | "OPSET_TOO_NEW"
  | "OPSET_TOO_OLD"
  | "INT8_CONV_INTEGER"
  | "CONV_INTEGER_SLOW"
  | "SATURATION"
  | "NOT_ON_PROVIDER"
  | "ASYMMETRIC"
  | "WIDE_ACTIVATIONS"
  | "WEIGHT_RESTORED_EVERY_RUN"
  | "PER_CHANNEL_ACTIVATION"
  | "PAIR_LEFT"
  | "UNFUSED"
  | "HEAVY_NODES_IN_FLOAT"
  | "CONVERSIONS_OUTWEIGH";
