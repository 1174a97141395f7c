import { ModelFormatError } from "../errors.js";
import { type MapOptions, type MappedFile, mapFile } from "../files/map-file.js";
import { type FileFormat, recognizeFormat } from "../files/recognize-format.js";
import { adviceFor } from "./advice.js";
import { expandPickle } from "./expand-pickle.js";
import { type ImportJudgement, judgeImport } from "./judge-import.js";
import { MAX_VIEW_BYTES } from "./limits.js";
import { picklesOfZip } from "./pickles-of-zip.js";
import { type PickleScan, scanPickle } from "./scan-pickle.js";
import type { PickleImport } from "./value.js";

export interface JudgedImport extends PickleImport {
  readonly judgement: ImportJudgement;
}

/** What a file that holds pickles is, and what loading it would run. */
export interface PickleSummary {
  /**
   * "torch-zip" and "torch-legacy" are torch.save's; "joblib" has joblib's arrays in it; "zip" is another archive with
   * pickles; "compressed" could not be looked into.
   */
  readonly format: "pickle" | "joblib" | "torch-zip" | "torch-legacy" | "zip" | "compressed";
  /** Bytes on disk. */
  readonly size: number;
  /** How the pickle is compressed as a whole. */
  readonly compression?: string;
  /** Highest protocol that is announced. */
  readonly protocol: number;
  /**
   * "data": loading only builds numbers, arrays and collections. "anything": it runs code that the file alone does not
   * show. "unclear": not all of it could be looked at.
   */
  readonly verdict: ImportJudgement | "unclear";
  /** Every import that loading would run, those that can do anything first. */
  readonly imports: readonly JudgedImport[];
  /** What could not be looked at, and what is odd about the file. */
  readonly problems: readonly string[];
  /** How to get at the data without trusting the file. */
  readonly advice: readonly string[];
}

/** torch.save of before 1.6: a number, a version, a description of the machine, the object, and the keys of its storages. */
const LEGACY_PICKLES = 5;

/**
 * Tells what a pickle would run when it is loaded, without loading it: files of pickle, joblib and torch.save, also inside
 * zip, gzip and zlib. Operations are followed as far as needed to name the imports; nothing is executed. An import under
 * "data" is on a short list of those that torch, numpy and joblib need for plain arrays.
 * Format: https://docs.python.org/3/library/pickletools.html
 *
 * @throws ModelFormatError FILE_UNREADABLE; FORMAT_UNKNOWN for what holds no pickle; for a zip archive also
 * HEADER_INVALID, HEADER_TOO_LARGE, DATA_TRUNCATED, DATA_MISMATCH, TEXT_NOT_UTF8 or TENSOR_OVERLAP
 */
export function inspectPickle(path: string, options: MapOptions = {}): PickleSummary {
  const recognized = recognizeFormat(path);
  const file = mapFile(path, options);
  try {
    switch (recognized) {
      case "pickle":
      case "unknown":
        return summarizePlain(file, recognized, { bytes: viewOf(file) });
      case "torch-legacy":
        return summarize(file, recognized, [{ scan: scanPickle(viewOf(file), LEGACY_PICKLES) }]);
      case "torch-zip":
      case "zip":
        return summarizeZip(file, recognized);
      case "compressed":
        return summarizeCompressed(file);
      default:
        throw notAPickle(path, `; it looks like ${recognized}`);
    }
  } finally {
    file.close();
  }
}

/** One pickle of the file. */
interface Scanned {
  /** Its entry in an archive. */
  name?: string;
  scan: PickleScan;
}

function notAPickle(path: string, what: string): ModelFormatError {
  return new ModelFormatError("FORMAT_UNKNOWN", `this holds no pickle${what}`, { path });
}

function viewOf(file: MappedFile): Uint8Array {
  return file.bytes(0, Math.min(file.size, MAX_VIEW_BYTES));
}

function summarizePlain(
  file: MappedFile,
  recognized: FileFormat,
  { bytes, compression, problem }: { bytes: Uint8Array; compression?: string; problem?: string | undefined },
): PickleSummary {
  const scan = scanPickle(bytes);
  if (!isPickle(recognized, scan))
    throw notAPickle(file.path, compression ? `, only other data compressed with ${compression}` : "");
  const format = scan.imports.some(({ module }) => module.split(".")[0] === "joblib") ? "joblib" : "pickle";
  const notes = problem === undefined ? [] : [problem];
  if (scan.trailing > 0) notes.push(`${scan.trailing} bytes follow the pickle, which loading does not read`);
  return summarize(file, format, [{ scan }], notes, compression);
}

/** Protocols 0 and 1 may begin with any operation, and loading runs what comes before one that fails. */
function isPickle(recognized: FileFormat, { problem, trailing, imports }: PickleScan): boolean {
  if (recognized !== "unknown") return recognized === "pickle";
  return (problem === undefined && trailing === 0) || imports.some(isNamed);
}

function isNamed({ module, name }: PickleImport): boolean {
  return /^[\w.]+$/.test(module) && /^[\w.]+$/.test(name);
}

function summarizeZip(file: MappedFile, format: "torch-zip" | "zip"): PickleSummary {
  const scans: Scanned[] = [];
  const problems: string[] = [];
  for (const { name, bytes, problem } of picklesOfZip(file)) {
    if (problem !== undefined) problems.push(problem);
    scans.push({ name, scan: scanPickle(bytes) });
  }
  if (scans.length === 0)
    throw notAPickle(file.path, ": no entry of the archive is named .pkl, or .npy as an array");
  return summarize(file, format, scans, problems);
}

function summarizeCompressed(file: MappedFile): PickleSummary {
  const { compression, bytes, problem } = expandPickle(viewOf(file));
  const recognized = bytes && recognizeFormat(bytes);
  if (recognized === undefined || (problem !== undefined && recognized !== "pickle"))
    return summarize(file, "compressed", [], [problem!], compression);
  return summarizePlain(file, recognized, { bytes: bytes!, compression, problem });
}

function summarize(
  { size }: MappedFile,
  format: PickleSummary["format"],
  scans: readonly Scanned[],
  notes: readonly string[] = [],
  compression?: string,
): PickleSummary {
  const imports = new Map<string, JudgedImport>();
  const problems = [...notes];
  let protocol = 0;
  let complete = scans.length > 0;
  for (const { name, scan } of scans) {
    protocol = Math.max(protocol, scan.protocol);
    if (scan.problem !== undefined) {
      complete = false;
      const where = `${name === undefined ? "" : `${name}: `}byte ${scan.problem.offset}`;
      problems.push(`${where}: ${scan.problem.message}; what comes after was not looked at`);
    }
    for (const { module, name: imported, calls } of scan.imports) {
      const key = `${module}\n${imported}`;
      const before = imports.get(key)?.calls ?? 0;
      const judgement = judgeImport({ module, name: imported });
      imports.set(key, { module, name: imported, calls: before + calls, judgement });
    }
  }
  const sorted = [...imports.values()].sort(
    (a, b) => Number(a.judgement === "data") - Number(b.judgement === "data"),
  );
  const anything = sorted[0]?.judgement === "anything";
  const verdict = anything ? "anything" : complete ? "data" : "unclear";
  return {
    format,
    size,
    ...(compression !== undefined && { compression }),
    protocol,
    verdict,
    imports: sorted,
    problems,
    advice: adviceFor(format, verdict),
  };
}
