import { ModelFormatError } from "../errors.js";
import type { HeaderPlace, SafetensorsEntry } from "./entry.js";

/** Throws unless the tensors of a file fill its data, without hole or overlap. */
export function checkLayout(entries: ReadonlyMap<string, SafetensorsEntry>, place: HeaderPlace): void {
  // Nearly every file has its tensors in order already.
  let ordered: Iterable<[string, SafetensorsEntry]> = entries;
  let last = 0;
  for (const { offset, byteLength } of entries.values()) {
    if (offset < last) {
      ordered = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
      break;
    }
    last = offset + byteLength;
  }
  let covered = place.dataStart;
  for (const [name, entry] of ordered) {
    checkPlace(name, entry, covered, place);
    covered = entry.offset + entry.byteLength;
  }
  checkRest(covered, place);
}

/** Throws unless a tensor begins where those before it end, at byte `covered` of the file, and ends within it. */
export function checkPlace(
  name: string,
  { offset, byteLength }: SafetensorsEntry,
  covered: number,
  { path, dataStart, size }: HeaderPlace,
): void {
  const details = { path, field: name, offset };
  if (offset + byteLength > size)
    throw new ModelFormatError(
      "DATA_TRUNCATED",
      `the tensor ends at byte ${offset + byteLength - dataStart} of the data, but the file holds ${size - dataStart}`,
      details,
    );
  if (offset < covered)
    throw new ModelFormatError("TENSOR_OVERLAP", "the tensor shares bytes with another", details);
  if (offset > covered)
    throw new ModelFormatError(
      "TENSOR_INVALID",
      `${offset - covered} bytes before the tensor belong to none`,
      details,
    );
}

/** Throws where bytes of the file come after the last tensor. */
export function checkRest(covered: number, { path, size }: HeaderPlace): void {
  if (covered < size)
    throw new ModelFormatError("TENSOR_INVALID", `${size - covered} bytes after the last tensor`, {
      path,
      offset: covered,
    });
}
