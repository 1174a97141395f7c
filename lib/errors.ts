/** Says what was wanted and what came instead; used by every facade so that all messages read alike. */
function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "object";
  return String(value);
}

/** A value of the right kind that lies outside what is allowed. */
export function outOfRange(expected: string, name: string, received: unknown): RangeError {
  return new RangeError(`Expected ${expected} for ${name} but received ${describe(received)}`);
}

/** A value of the wrong kind. */
export function wrongType(expected: string, name: string, received: unknown): TypeError {
  return new TypeError(`Expected ${expected} for ${name} but received ${describe(received)}`);
}

/** Every way a model or data file can be wrong. Codes are never reused for something else. */
export type ModelFormatCode =
  | "FILE_UNREADABLE"
  | "FILE_UNWRITABLE"
  | "FILE_TOO_LARGE"
  | "FILE_CLOSED"
  | "FORMAT_UNKNOWN"
  | "WIRE_TRUNCATED"
  | "WIRE_MALFORMED"
  | "WIRE_TOO_DEEP"
  | "WIRE_TOO_MANY"
  | "TEXT_NOT_UTF8"
  | "MODEL_INVALID"
  | "TENSOR_INVALID"
  | "EXTERNAL_PATH"
  | "EXTERNAL_MISSING"
  | "EXTERNAL_RANGE"
  | "HEADER_INVALID"
  | "HEADER_TOO_LARGE"
  | "INDEX_INVALID"
  | "TENSOR_OVERLAP"
  | "DATA_TRUNCATED"
  | "DATA_MISMATCH"
  | "CACHE_INVALID"
  | "REPORT_INVALID";

export interface ModelFormatDetails {
  /** The file that is wrong. */
  path?: string | undefined;
  /** The field, tensor or node inside it. */
  field?: string | undefined;
  /** Byte position in the file, where one is known. */
  offset?: number | undefined;
  cause?: unknown;
}

/** Names and shapes come from files, where they may take megabytes; `field` keeps the whole name. */
const MAX_SHOWN_FIELD = 200;
const MAX_MESSAGE = 1000;

function shorten(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}...` : text;
}

/** A file that is not what it claims to be. The message names the file, the field and the fix. */
export class ModelFormatError extends Error {
  override readonly name = "ModelFormatError";
  readonly code: ModelFormatCode;
  readonly path: string | undefined;
  readonly field: string | undefined;
  readonly offset: number | undefined;

  constructor(code: ModelFormatCode, message: string, details: ModelFormatDetails = {}) {
    const where = [
      details.path,
      details.field === undefined ? undefined : shorten(details.field, MAX_SHOWN_FIELD),
      details.offset === undefined ? undefined : `byte ${details.offset}`,
    ];
    const prefix = where.filter((part) => part !== undefined).join(": ");
    const text = shorten(message, MAX_MESSAGE);
    super(prefix ? `${prefix}: ${text}` : text, { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.field = details.field;
    this.offset = details.offset;
  }
}

/** Why a whole-model operation could not be done although its files are sound. */
export type ModelOperationCode =
  | "RUNTIME_MISSING"
  | "RUNTIME_FAILED"
  | "PROCESS_DIED"
  | "TIMEOUT"
  | "UNSUPPORTED_MODEL"
  | "CALIBRATION_NEEDED"
  | "DATA_TOO_SMALL"
  | "QUEUE_FAILED"
  | "METRIC_FAILED"
  | "OUTPUT_INVALID"
  | "CALIBRATION_INVALID"
  | "NOTHING_TO_QUANTIZE"
  | "ALREADY_QUANTIZED"
  | "NOTHING_TO_PRUNE"
  | "UNSUPPORTED_CONVERSION"
  | "DEVICE_MISSING"
  | "DEVICE_FAILED";

/** A whole-model operation that failed. The message names the model and the fix. */
export class ModelOperationError extends Error {
  override readonly name = "ModelOperationError";
  readonly code: ModelOperationCode;

  constructor(code: ModelOperationCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
