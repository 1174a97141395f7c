import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { bytes, change, decibels, milliseconds, points } from "../lib/cli/format.js";
import { ProgressLine } from "../lib/cli/progress-line.js";
import { label, printable, table } from "../lib/cli/table.js";

describe("ProgressLine", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function draw(enabled: boolean, columns: number) {
    const written: string[] = [];
    const stream = { columns, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream;
    return { line: new ProgressLine(stream, enabled), written };
  }

  it("redraws one line at most ten times a second, and wipes it away", () => {
    const { line, written } = draw(true, 80);
    for (let done = 0; done <= 30; done++) {
      line.update({ stage: "compare", done, total: 30 });
      vi.advanceTimersByTime(10);
    }
    line.clear();
    expect(written).toHaveLength(5);
    expect(written[2]).toBe(`\r\u001b[2Kcompare  [${"#".repeat(16)}${"-".repeat(8)}] 20/30`);
    expect(written.at(-1)).toBe("\r\u001b[2K");
  });

  it("never wraps a narrow terminal", () => {
    const { line, written } = draw(true, 20);
    line.update({ stage: "compare", done: 1, total: 2 });
    expect(written[0]!.replace("\r\u001b[2K", "")).toHaveLength(19);
  });

  it("says nothing where it is not wanted", () => {
    const { line, written } = draw(false, 80);
    line.update({ stage: "time", done: 1 });
    line.clear();
    expect(written).toEqual([]);
  });
});

test("columns are aligned, the first to the left, all others to the right", () => {
  expect(
    table([
      ["", "a", "b"],
      ["size", "1", "22"],
      ["x", "333", ""],
    ]),
  ).toBe("        a   b\nsize    1  22\nx     333");
});

test.each([
  ["\u001b]8;;http://x\u0007", "\\u{1b}]8;;http://x\\u{7}"],
  ["a\nb\r\u2028", "a\\u{a}b\\u{d}\\u{2028}"],
  ["\ud800 \u{e0001}", "\\u{d800} \\u{e0001}"],
  ["naïve 模型", "naïve 模型"],
])("%j is printed as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("a name of a megabyte takes one cell", () => {
  expect(label("x".repeat(1_000_000))).toBe(`${"x".repeat(57)}...`);
});

test("figures carry three digits and a unit", () => {
  expect([0, 999, 1048509, 2 ** 31].map(bytes)).toEqual(["0 B", "999 B", "1.05 MB", "2.15 GB"]);
  expect([0.25, 12.3456].map(milliseconds)).toEqual(["0.250 ms", "12.35 ms"]);
  expect([0.26, 1, 0.99999].map(change)).toEqual(["-74.0 %", "0.0 %", "0.0 %"]);
  expect([-0.0063, 0.01, 0].map(points)).toEqual(["-0.63 pt", "+1.00 pt", "0.00 pt"]);
  expect([Number.POSITIVE_INFINITY, 31.26].map(decibels)).toEqual(["exact", "31.3 dB"]);
});
