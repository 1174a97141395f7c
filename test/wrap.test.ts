import { describe, expect, test } from "vitest";
import { wrap } from "../lib/cli/wrap.js";

describe("wrap", () => {
  test.each<[string, string, number, string]>([
    ["breaks between words", "one two three", 8, "one two\nthree"],
    ["fills a line to its last character", "one two", 7, "one two"],
    ["cuts words that are longer than a line", "abcdefgh ij", 3, "abc\ndef\ngh\nij"],
    ["leaves a text whole where there is no width", "one two", Number.POSITIVE_INFINITY, "one two"],
    ["makes one line of nothing", "", 8, ""],
  ])("%s", (_, text, width, lines) => {
    expect(wrap(text, width)).toBe(lines);
  });

  test("counts the indent, and always makes progress", () => {
    expect(wrap("one two", 5, "  ")).toBe("  one\n  two");
    expect(wrap("ab", 1, "    ")).toBe("    a\n    b");
  });
});
