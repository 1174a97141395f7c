import { describe, expect, it } from "vitest";
import type { Batch } from "../lib/data/batches.js";
import type { Dataset } from "../lib/data/open-dataset.js";
import { forEachBatch } from "../lib/runtime/for-each-batch.js";

const STAGE = { stage: "calibrate" };

/** Batches of two samples, and what happened to them in turn. */
function batches(count: number, events: string[] = [], failsAt?: number): Dataset {
  return {
    samples: 2 * count,
    async *[Symbol.asyncIterator]() {
      for (let i = 0; i < count; i++) {
        if (i === failsAt) throw new Error(`batch ${i} cannot be read`);
        events.push(`read ${i}`);
        yield { feeds: {}, count: 2, padding: 0, labels: [i] };
      }
    },
  };
}

function indexOf({ labels }: Batch): number {
  return labels![0]!;
}

/** Answers one request after the other, as a process does. */
function inTurn(events: string[]) {
  let last = Promise.resolve();
  return (batch: Batch): Promise<void> => {
    events.push(`send ${indexOf(batch)}`);
    last = last.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      events.push(`done ${indexOf(batch)}`);
    });
    return last;
  };
}

describe("forEachBatch", () => {
  it("sends the next batch while one is worked on, and not a third", async () => {
    const events: string[] = [];
    expect(await forEachBatch(batches(4, events), inTurn(events), STAGE)).toBe(8);
    for (let i = 0; i < 4; i++) {
      expect(events.filter((event) => event.endsWith(String(i)))).toEqual([
        `read ${i}`,
        `send ${i}`,
        `done ${i}`,
      ]);
      if (i > 0) expect(events.indexOf(`send ${i}`)).toBeLessThan(events.indexOf(`done ${i - 1}`));
      if (i > 1) expect(events.indexOf(`send ${i}`)).toBeGreaterThan(events.indexOf(`done ${i - 2}`));
    }
  });

  it("tells the samples that are done, in order", async () => {
    const told: unknown[] = [];
    await forEachBatch(batches(3), inTurn([]), { ...STAGE, onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([2, 4, 6].map((done) => ({ stage: "calibrate", done, total: 6 })));
  });

  it("gives the error of the earlier batch, whether a run or reading failed", async () => {
    const failing = async (batch: Batch) => {
      if (indexOf(batch) === 1) throw new Error("batch 1 does not run");
    };
    await expect(forEachBatch(batches(3), failing, STAGE)).rejects.toThrow("batch 1 does not run");
    await expect(forEachBatch(batches(3, [], 2), failing, STAGE)).rejects.toThrow("batch 1 does not run");
    await expect(forEachBatch(batches(3, [], 1), failing, STAGE)).rejects.toThrow("batch 1 cannot be read");
  });

  it("takes nothing from a dataset without samples", async () => {
    expect(await forEachBatch(batches(0), inTurn([]), STAGE)).toBe(0);
  });
});
