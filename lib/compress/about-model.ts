import { ModelFormatError, ModelOperationError } from "../errors.js";

/**
 * An error about a copy of the model in a folder for the time of the work, told as one about the model; any other as it is.
 *
 * @param label what messages call the model
 */
export function aboutModel(error: unknown, folder: string, label: string): unknown {
  if (error instanceof ModelFormatError && error.path?.startsWith(folder)) {
    const { code, path, field, offset, cause } = error;
    const prefix = new ModelFormatError(code, "", { path, field, offset }).message;
    return new ModelFormatError(code, error.message.slice(prefix.length), {
      path: label,
      field,
      offset,
      cause,
    });
  }
  if (error instanceof ModelOperationError && error.message.startsWith(folder)) {
    const { code, message, cause } = error;
    return new ModelOperationError(code, label + message.slice(message.indexOf(": ")), { cause });
  }
  return error;
}
