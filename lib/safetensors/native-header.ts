import { loadNative, type SafetensorsTable } from "../backends/native.js";
import type { MappedFile } from "../files/map-file.js";
import { LazyMap, NameList } from "../lazy-map.js";
import { DTYPES, type SafetensorsEntry } from "./entry.js";
import { type Header, readHeader } from "./header.js";
import { throwFault } from "./header-fault.js";

const TYPES = [...DTYPES.values()];
/** Numbers for a tensor in the addon's table. */
const COLUMNS = 5;

/**
 * The header of file number `index` of a set, by the addon where it can. In a process that has just started that takes a third of
 * the time, for nothing has to be compiled first; and of what is wrong with a header of any length it finds the place, so that the
 * reader in JavaScript reads no more than that.
 */
export function readFileHeader(file: MappedFile, index: number): Header {
  const found = loadNative().formats?.readSafetensorsHeader(file.descriptor ?? -1, file.size);
  if (found !== undefined && "names" in found) return headerOf(found, index);
  if (found !== undefined) throwFault(file, index, found);
  return readHeader(file, index);
}

function headerOf(
  { dataStart, names, rows, sizes, metadata: texts }: SafetensorsTable,
  file: number,
): Header {
  const entries = new LazyMap(new NameList(lines(names)), (row): SafetensorsEntry => {
    const [type, byteLength, begin, from, to] = rows.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    const shape = Array.from(sizes.subarray(from, to));
    return { dtype: TYPES[type!]!, shape, byteLength: byteLength!, file, offset: dataStart + begin! };
  });
  const metadata = new Map<string, string>();
  const pairs = lines(texts);
  for (let i = 0; i < pairs.length; i += 2) metadata.set(pairs[i]!, pairs[i + 1]!);
  return { entries, metadata };
}

/** Each with its end, as the addon writes them. */
function lines(text: string): string[] {
  const all = text.split("\n");
  all.pop();
  return all;
}
