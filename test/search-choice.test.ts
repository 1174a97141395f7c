import { describe, expect, it, test } from "vitest";
import { describeStep } from "../lib/optimize/candidate.js";
import { chanceToHold } from "../lib/optimize/chance.js";
import { Flips } from "../lib/optimize/flips.js";
import { paretoFront } from "../lib/optimize/front.js";
import { choose, judge } from "../lib/optimize/gate.js";
import { firstCandidates, profileOf, refinements } from "../lib/optimize/proposals.js";
import type { ReportTrial } from "../lib/optimize/report.js";
import type { Tensor } from "../lib/tensor.js";

function trial(id: string, drop: number, speedup: number, sizeBytes: number): ReportTrial {
  const times = { medianMs: 1, p95Ms: 1, cv: 0 };
  return {
    id,
    label: id,
    steps: [],
    options: [],
    status: "measured",
    sizeBytes,
    latency: { original: times, candidate: times, speedup },
    metrics: [
      {
        name: "top-1",
        higherIsBetter: true,
        original: 1,
        candidate: 1 - drop,
        drop,
        interval: [drop, drop],
        samples: 100,
      },
    ],
    chance: drop > 0.01 ? 0 : 1,
    onFront: false,
    seconds: 1,
  };
}

describe("front and gate", () => {
  const exact = trial("weights", 0, 1, 25);
  const fast = trial("static", 0.001, 2, 26);
  const beaten = trial("minmax", 0.002, 1.5, 26);
  const lossy = trial("pruned", 0.02, 4, 10);
  const slow = trial("dynamic", 0, 0.2, 20);
  const all = [exact, fast, beaten, lossy, slow];

  it("leaves out what another beats in everything", () => {
    expect([...paretoFront(all)].map(({ id }) => id)).toEqual(["weights", "static", "pruned", "dynamic"]);
  });

  it("chooses by the goal, within the limit, and nothing that is slow", () => {
    const by = (goal: "latency" | "size" | "balanced", maxDrop: number) =>
      choose(all, { goal, maxDrop, originalBytes: 100 })?.id;
    expect(by("balanced", 0.003)).toBe("static");
    expect(by("size", 0.0001)).toBe("weights");
    expect(by("latency", 0.003)).toBe("static");
    expect(choose([slow, lossy], { goal: "size", maxDrop: 0.001, originalBytes: 100 })).toBeUndefined();
  });

  it("takes the likeliest where none is likely to hold the limit on other samples", () => {
    const wanted = { goal: "balanced", maxDrop: 0.003, originalBytes: 100 } as const;
    const risky = { ...trial("pruned", 0, 4, 10), chance: 0.4 };
    expect(choose([risky, fast], wanted)?.id).toBe("static");
    expect(choose([risky, { ...fast, chance: 0.6 }], wanted)?.id).toBe("static");
    expect(choose([risky, { ...fast, chance: 0.3 }], wanted)?.id).toBe("pruned");
  });

  it("calls good only what holds the limit and gains beyond the noise", () => {
    const times = { medianMs: 1, p95Ms: 1, cv: 0 };
    const verdict = (drop: number, interval: [number, number], sizeRatio: number) => {
      const latency = { original: times, candidate: times, speedup: interval[0], interval };
      return judge(fast, { metrics: trial("x", drop, 1, 1).metrics, latency, sizeRatio }, 0.003);
    };
    expect(verdict(0.003, [1.4, 1.6], 1)).toMatchObject({ good: true, trial: "static" });
    expect(verdict(0.0031, [1.4, 1.6], 0.3).line).toMatch(/^no candidate is good: static loses too much/);
    expect(verdict(0, [0.97, 1.2], 1).line).toMatch(/gains too little/);
    expect(verdict(0, [0.97, 1.2], 0.3).good).toBe(true);
    expect(verdict(0, [0.5, 0.6], 0.3).line).toMatch(/is slower/);
  });
});

describe("proposals", () => {
  it("fit the model: no dynamic int8 for convolutions, no channels of what is neither", () => {
    const labels = (ops: Record<string, number>) =>
      firstCandidates(profileOf({ ops, size: 1e7 }), "balanced").map(({ label }) => label);
    expect(labels({ Conv: 20, Gemm: 1 })).not.toContain("int8 dynamic");
    expect(labels({ MatMul: 20, LayerNormalization: 5 })).toContain("int8 dynamic");
    expect(labels({ LSTM: 2 })).toEqual([
      "int8 dynamic",
      "int8 dynamic, one scale each",
      "int8 weights",
      "float16",
    ]);
  });

  it("save scales only where these are a part of the model worth the name", () => {
    const ofSize = (size: number) => firstCandidates(profileOf({ ops: { Conv: 20 }, size }), "balanced");
    expect(ofSize(2e5)).toContainEqual({
      label: "int8 weights, one scale each",
      steps: [
        { operation: "quantize", options: { mode: "weights", perChannel: false, weightScales: "mse" } },
      ],
    });
    expect(ofSize(2e6).map(({ label }) => label)).toEqual(["int8 static", "int8 weights", "float16"]);
  });

  const profile = profileOf({ ops: { Conv: 5, MatMul: 5, LayerNormalization: 2 }, size: 1e7 });
  const wanted = { goal: "balanced", maxDrop: 0.003, originalBytes: 1000 } as const;
  const options = [{ operation: "quantize", mode: "static" }];
  const int8 = (drop: number) => ({ ...trial("a", drop, 2, 250), label: "int8 static", options });

  it("mend what static int8 loses", () => {
    const [first] = [...refinements(profile, () => [int8(0.1)], wanted)];
    expect(first!.map(({ label }) => label)).toEqual([
      "int8 static, repaired",
      "int8 static, minmax ranges",
      "int8 static, smoothed",
    ]);
  });

  test.each([
    { held: [], shares: ["25", "12.5", "6.25"] },
    { held: ["12.5"], shares: ["25", "12.5"] },
    { held: ["25"], shares: ["25", "50", "37.5"] },
    { held: ["25", "50"], shares: ["25", "50"] },
  ])("go on with fewer channels by what held ($held)", ({ held, shares }) => {
    const trials: ReportTrial[] = [int8(0)];
    const tried: string[] = [];
    for (const round of refinements(profile, () => trials, wanted)) {
      const pruned = round.filter(({ label }) => label.includes("channels"));
      for (const { label, steps } of pruned) {
        const share = label.split(" ")[0]!;
        tried.push(share);
        trials.push({ ...trial(label, held.some((each) => each === share) ? 0 : 0.1, 2, 200), label });
        expect(steps.map(({ operation }) => operation)).toEqual(["prune", "quantize"]);
      }
    }
    expect(tried).toEqual(shares);
  });

  it("are told in words, whatever they set", () => {
    const all = [
      ...firstCandidates(profileOf({ ops: { Conv: 5, MatMul: 5, LSTM: 1 }, size: 1e5 }), "balanced"),
      ...[...refinements(profile, () => [int8(0.1)], wanted)].flat(),
    ];
    const told = new Set(all.flatMap(({ steps }) => steps.map(describeStep)));
    expect(told).toContain("take out channels; 25 % of them");
    expect(told).toContain("weights in few bits, arithmetic in float; 4 bits, blocks of 32");
    expect(told).toContain(
      "weights in few bits, arithmetic in float; one scale for each weight, scales of least squared error",
    );
    expect(told).toContain(
      "int8, ranges from calibration; compensated rounding, empirical correction of biases",
    );
    expect([...told].filter((text) => /[a-z][A-Z][a-z]|true|false|undefined/.test(text))).toEqual([]);
  });

  it("end where a model has no channels to take out", () => {
    const failed = {
      ...trial("f", 0, 1, 1),
      label: "25 % fewer channels, int8 static",
      status: "failed",
    } as const;
    const labels = [...refinements(profile, () => [int8(0), failed], wanted)]
      .flat()
      .map(({ label }) => label);
    expect(labels.filter((label) => label.includes("channels"))).toHaveLength(1);
  });
});

function answerOf(...values: number[]): Record<string, Tensor> {
  return { y: { dtype: "float32", shape: [1, values.length], data: Float32Array.from(values) } };
}

describe("Flips", () => {
  function flipsOf(...samples: [reference: number[], outputs: number[], label?: number][]) {
    const flips = new Flips();
    for (const [reference, outputs, label] of samples)
      flips.add({ reference: answerOf(...reference), outputs: answerOf(...outputs), label });
    return flips.result();
  }

  it("expects flips where changes are as large as margins, though none was seen", () => {
    // Changes of 0 and 2 around 1, deviation sqrt(2); margins of 1 and 11: at the mean, and 10 / sqrt(2) deviations above it.
    const tail = (margin: number) => {
      const t = (margin - 1) / Math.sqrt(6);
      return 0.5 - (t / (1 + t * t) + Math.atan(t)) / Math.PI;
    };
    const { lost, gained } = flipsOf([[2, 1], [2, 1], 0], [[12, 1], [10, 1], 0])!;
    // Eight more samples lead by anything up to 11.
    const unseen = Array.from({ length: 64 }, (_, i) => tail((11 * (i + 0.5)) / 64) / 64);
    const expected = 0.5 + tail(11) + 8 * unseen.reduce((sum, each) => sum + each, 0);
    expect(lost).toBeCloseTo(((500 / 502) * expected) / 10, 9);
    expect(gained).toBe(0);
  });

  it("expects narrow leads that few samples do not show, and fewer of them with more samples", () => {
    const wide = (samples: number) =>
      flipsOf(
        ...Array.from({ length: samples }, (_, i): [number[], number[], number] => [
          [5, 0],
          [i % 2 === 0 ? 4.5 : 5.5, 0],
          0,
        ]),
      )!.lost;
    expect(wide(100)).toBeGreaterThan(0.001);
    expect(wide(10_000)).toBeLessThan(0.0001);
  });

  it("knows losses from gains, and goes by what was seen where that is much", () => {
    const many = Array.from({ length: 9000 }, (_, i): [number[], number[], number] => [
      [2, 1],
      i % 3 === 0 ? [1, 2] : [2, 1],
      i % 9 === 0 ? 1 : 0,
    ]);
    const { lost, gained } = flipsOf(...many)!;
    expect(lost).toBeCloseTo(2 / 9, 1);
    expect(gained).toBeCloseTo(1 / 9, 1);
  });

  it("compares probabilities by their logarithms", () => {
    const odds = (p: number) => [Math.log(1 - p), Math.log(p)];
    const shares = flipsOf([[0.999], [0.99], 1], [[0.6], [0.6], 1])!;
    const logits = flipsOf([odds(0.999), odds(0.99), 1], [odds(0.6), odds(0.6), 1])!;
    expect(shares.lost).toBeCloseTo(logits.lost, 5);
    expect(shares.lost).toBeGreaterThan(0.05);
  });

  it("expects none where nothing changed", () => {
    expect(flipsOf([[1, 0], [1, 0], 0], [[3, 0], [3, 0], 1])).toEqual({ lost: 0, gained: 0 });
  });

  it("says nothing of samples with many answers", () => {
    const flips = new Flips();
    const tokens = { y: { dtype: "float32", shape: [1, 2, 2], data: Float32Array.of(1, 0, 0, 1) } } as const;
    flips.add({ reference: tokens, outputs: tokens });
    expect(flips.result()).toBeUndefined();
  });
});

describe("chanceToHold", () => {
  const limit = 0.003;
  const withFlips = (lost: number, gained: number): ReportTrial => ({
    ...trial("a", 0, 1, 1),
    flips: { lost, gained },
  });

  it("is that of no loss where the limit allows not one answer", () => {
    expect(chanceToHold(withFlips(0, 0), limit, 95)).toBe(1);
    expect(chanceToHold(withFlips(0.01, 0), limit, 95)).toBeCloseTo(Math.exp(-0.95), 12);
    expect(chanceToHold(withFlips(0.01, 0), 0.011, 95)).toBeCloseTo(1.95 * Math.exp(-0.95), 12);
    expect(chanceToHold(withFlips(0.01, 0.005), limit, 95)).toBeGreaterThan(Math.exp(-0.95));
  });

  it("does not jump where the normal distribution takes over", () => {
    const around = [59.9, 60.1].map((flips) => chanceToHold(withFlips(flips / 2e4, flips / 2e4), 5e-4, 1e4));
    expect(Math.abs(around[0]! - around[1]!)).toBeLessThan(0.01);
    expect(chanceToHold(withFlips(0.01, 0.009), limit, 4000)).toBeGreaterThan(0.8);
    expect(chanceToHold(withFlips(0.02, 0.01), limit, 4000)).toBeLessThan(0.01);
  });

  it("goes by the interval where a metric is no share of answers", () => {
    const measured = (drop: number, reach: number, samples: number): ReportTrial => {
      const [metric] = trial("a", drop, 1, 1).metrics;
      return {
        ...trial("a", drop, 1, 1),
        metrics: [{ ...metric!, interval: [drop - reach, drop + reach], samples }],
      };
    };
    expect(chanceToHold(measured(0.003, 0.001, 100), limit, 100)).toBeCloseTo(0.5, 6);
    expect(chanceToHold(measured(0.001, 0.001, 100), limit, 100)).toBeGreaterThan(0.99);
    expect(chanceToHold(measured(0.001, 0.01, 100), limit, 100)).toBeLessThan(0.7);
    expect(chanceToHold({ ...trial("f", 0, 1, 1), metrics: [] }, limit, 100)).toBe(0);
  });
});
