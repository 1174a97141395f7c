/** Longer names are cut: a model may hold one of a megabyte. */
const MAX_TEXT = 60;
/** Control and format characters (escape sequences, line breaks, changes of writing direction) and half characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu;

/** Text from a model or a file, made safe to print: what could steer the terminal is shown as its code point. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** The same, cut to fit into a table. */
export function label(text: string): string {
  return beginning(text, MAX_TEXT);
}

/** The same, cut to so many characters. */
export function beginning(text: string, most: number): string {
  return printable(text.length > most ? `${text.slice(0, most - 3)}...` : text);
}

/** Rows of cells in aligned columns: the first to the left, all others to the right. Cells must be printable. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
