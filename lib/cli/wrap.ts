/** A paragraph as lines of at most `width` characters, each behind the indent; words that are longer are cut in pieces. */
export function wrap(text: string, width: number, indent = ""): string {
  const room = Math.max(1, width - indent.length);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((each) => pieces(each, room))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= room) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line].map((each) => `${indent}${each}`).join("\n");
}

function pieces(word: string, length: number): string[] {
  if (word.length <= length) return [word];
  return Array.from({ length: Math.ceil(word.length / length) }, (_, i) =>
    word.slice(i * length, (i + 1) * length),
  );
}
