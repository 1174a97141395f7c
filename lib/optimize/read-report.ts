import type { z } from "zod/mini";
import { ModelFormatError } from "../errors.js";
import { mapFile } from "../files/map-file.js";
import { type Report, reportSchema } from "./report.js";

/** A report of a model of 2,000 layers and 200 trials has about 4 MB. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads the report.json that a search wrote, and checks it against the schema.
 *
 * @param path of report.json
 * @throws ModelFormatError FILE_UNREADABLE; FILE_TOO_LARGE above 256 MiB; REPORT_INVALID, naming the field, for what is no JSON,
 *   no report, or a report of another version
 */
export function readReport(path: string): Report {
  const file = mapFile(path);
  try {
    if (file.size > MAX_BYTES)
      throw new ModelFormatError("FILE_TOO_LARGE", "it is too large to be a report of a search", { path });
    return parseReport(Buffer.from(file.read(0, file.size)).toString(), path);
  } finally {
    file.close();
  }
}

function parseReport(text: string, path: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelFormatError("REPORT_INVALID", `it is no JSON: ${(cause as Error).message}`, {
      path,
      cause,
    });
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ModelFormatError("REPORT_INVALID", `${describe(issue)}; name the report.json of a search`, {
    path,
    field: issue.path.join(".") || undefined,
    cause: parsed.error,
  });
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.path[0] === "version") return "it is no report of version 1, which this modelpress reads";
  return `it is no report of modelpress: ${issue.message}`;
}
