import { describe, expect, it, test } from "vitest";
import { sparsityAt } from "../lib/index.js";

describe("sparsityAt", () => {
  it("rises by the cube, fast first", () => {
    const schedule = { initial: 0.2, final: 0.8, begin: 100, end: 1100 };
    const expected = [0.2, 0.2, 0.8 - 0.6 * 0.75 ** 3, 0.8 - 0.6 * 0.125, 0.8 - 0.6 * 0.25 ** 3, 0.8, 0.8];
    expect([0, 100, 350, 600, 850, 1100, 5000].map((step) => sparsityAt(step, schedule))).toEqual(
      expected.map((value) => expect.closeTo(value, 12)),
    );
  });

  it("begins at 0 with nothing", () => {
    expect(sparsityAt(0, { final: 0.9, end: 10 })).toBe(0);
    expect(sparsityAt(500, { final: 0.8, end: 1000 })).toBeCloseTo(0.7, 12);
  });

  it("stays between two prunings", () => {
    const schedule = { final: 0.5, begin: 5, end: 105, frequency: 20 };
    const at = (step: number) => sparsityAt(step, schedule);
    expect(at(24)).toBe(0);
    expect(at(25)).toBeGreaterThan(0);
    expect(at(44)).toBe(at(25));
    expect(at(45)).toBeGreaterThan(at(44));
    expect(at(105)).toBe(0.5);
  });

  it("never falls where it is to rise", () => {
    let last = 0;
    for (let step = 0; step < 300; step++) {
      const sparsity = sparsityAt(step, { initial: 0.1, final: 0.95, begin: 10, end: 290, frequency: 7 });
      expect(sparsity).toBeGreaterThanOrEqual(last);
      last = sparsity;
    }
  });

  it("is constant from the beginning on where that is asked for", () => {
    const schedule = { final: 0.6, begin: 10, schedule: "constant" } as const;
    expect([9, 10, 1000].map((step) => sparsityAt(step, schedule))).toEqual([0, 0.6, 0.6]);
  });

  test.each([
    ["a step that is none", -1, { final: 0.5, end: 10 }, /from 0 for step/],
    ["a share above one", 0, { final: 50, end: 10 }, /0\.\.1 for final/],
    ["an end that does not come", 0, { final: 0.5, begin: 10, end: 10 }, /from 11 for end/],
    ["no end", 0, { final: 0.5 }, /a number of steps for end/],
    ["no frequency", 0, { final: 0.5, end: 10, frequency: 0 }, /from 1 for frequency/],
    ["an unknown schedule", 0, { final: 0.5, end: 10, schedule: "linear" as never }, /cubic or constant/],
  ])("refuses %s", (_, step, schedule, message) => {
    expect(() => sparsityAt(step, schedule)).toThrow(message);
  });
});
