import { loadNative } from "../backends/native.js";
import type { MappedFile } from "../files/map-file.js";
import { LazyMap, NameList } from "../lazy-map.js";
import { DTYPES, type Header, type SafetensorsEntry } from "./header.js";

const TYPES = [...DTYPES.values()];
/** Numbers for a tensor in the addon's table. */
const COLUMNS = 5;

/**
 * readHeader by the addon, for headers as nearly all are; undefined where that has to do it. In a process that has just started it
 * takes a third of the time, for nothing has to be compiled first.
 */
export function readPlainHeader({ descriptor, size }: MappedFile, index: number): Header | undefined {
  const table = loadNative().formats?.readSafetensorsHeader(descriptor ?? -1, size);
  if (table === undefined) return undefined;
  const { dataStart, rows, sizes } = table;
  const entries = new LazyMap(new NameList(lines(table.names)), (row): SafetensorsEntry => {
    const [type, byteLength, begin, from, to] = rows.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    const shape = Array.from(sizes.subarray(from, to));
    return { dtype: TYPES[type!]!, shape, byteLength: byteLength!, file: index, offset: dataStart + begin! };
  });
  const metadata = new Map<string, string>();
  const texts = lines(table.metadata);
  for (let i = 0; i < texts.length; i += 2) metadata.set(texts[i]!, texts[i + 1]!);
  return { entries, metadata };
}

/** Each with its end, as the addon writes them. */
function lines(text: string): string[] {
  const all = text.split("\n");
  all.pop();
  return all;
}
