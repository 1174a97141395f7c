import { ModelFormatError } from "../../lib/errors.js";

/** The code of the ModelFormatError that the work throws; any other error passes through. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ModelFormatError) return error.code;
    throw error;
  }
  return "no error";
}
