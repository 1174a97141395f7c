import type { SafetensorsFault } from "../backends/native.js";
import type { MappedFile } from "../files/map-file.js";
import { readEntry } from "./entry.js";
import { PREFIX_BYTES, readMetadata } from "./header.js";
import { HeaderText, notUtf8 } from "./header-text.js";
import { checkPlace, checkRest } from "./layout.js";

/**
 * Throws what readHeader throws for a header in which the addon found this first, reading of it no more than shows it. Returns where
 * there is nothing wrong after all, as in a file that was written to meanwhile.
 */
export function throwFault(
  file: MappedFile,
  index: number,
  { kind, at, end, covered, dataStart }: SafetensorsFault,
): void {
  const { path, size } = file;
  const place = { path, file: index, dataStart, size };
  const from = PREFIX_BYTES + at;
  if (kind === "text") throw notUtf8(path, PREFIX_BYTES);
  if (kind === "rest") {
    checkRest(dataStart + covered, place);
    return;
  }
  // What is cut off may be half a character, so it is not for decodeHeader.
  const bytes = file.read(from, Math.min(PREFIX_BYTES + end + 1, dataStart) - from);
  const text = new HeaderText(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), path, from);
  if (kind === "start") text.begin();
  else if (kind === "pair") text.member(() => text.string());
  else if (kind === "repeated") text.repeated(text.string());
  else if (kind === "close") text.close();
  else if (kind === "end") text.end();
  else
    text.member((name, position) => {
      if (name === "__metadata__") readMetadata(text);
      else {
        const entry = readEntry(text, name, position, place);
        if (kind === "place") checkPlace(name, entry, dataStart + covered, place);
      }
    });
}
