import { createHash } from "node:crypto";
import { type DatasetSource, openSamples, type SampleLike } from "../data/open-dataset.js";
import type { ValueInfo } from "../data/value-info.js";
import { ModelOperationError } from "../errors.js";
import { chunksOf } from "../tensor.js";

/**
 * calibration: ranges and repairs are found by it. selection: candidates are chosen by it. verdict: seen by no choice. reserve: neither,
 * nor by the choice of another where the first failed the verdict.
 */
export type Part = "calibration" | "selection" | "verdict" | "reserve";

export type PartSizes = Record<Part, number>;

/** Out of 16 samples, by how much each part needs: ranges settle early, shares of right answers do not. */
const SHARES: readonly [Part, number][] = [
  ["calibration", 4],
  ["selection", 6],
  ["verdict", 3],
  ["reserve", 3],
];
/** More of them change ranges by little and cost time. */
const MOST_CALIBRATION = 512;
/** With fewer in a part nothing can be said. */
const LEAST = 4;

/**
 * The part that a sample belongs to by its number alone, so that it is the same in every run and every process. Numbers are
 * scattered (the finalizer of MurmurHash3) because data is often sorted by class, or alternates.
 */
export function partOf(index: number): Part {
  let hash = index + 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  let slot = (hash ^ (hash >>> 16)) & 15;
  for (const [part, share] of SHARES) {
    if (slot < share) return part;
    slot -= share;
  }
  return "reserve";
}

/** What the data of a search is: where it comes from, and which inputs it must fit. */
export interface SearchData {
  source: DatasetSource;
  labels?: string | undefined;
  inputs: readonly ValueInfo[];
}

/** The samples of one part, as a source that every operation on whole models takes. */
export function partSource(
  { source, labels, inputs }: SearchData,
  part: Part,
): () => AsyncIterable<SampleLike> {
  return async function* () {
    const { each } = await openSamples(source, { inputs, labels });
    let index = 0;
    let taken = 0;
    for await (const { feeds, label } of each) {
      if (partOf(index++) !== part) continue;
      if (part === "calibration" && taken++ >= MOST_CALIBRATION) continue;
      yield { feeds, ...(label !== undefined && { label }) };
    }
  };
}

/**
 * Counts the samples of each part, and whether they have labels.
 *
 * @throws ModelOperationError DATA_TOO_SMALL where a part has fewer than four
 */
export async function measureParts(data: SearchData): Promise<{ sizes: PartSizes; labelled: boolean }> {
  const { each } = await openSamples(data.source, data);
  const sizes: PartSizes = { calibration: 0, selection: 0, verdict: 0, reserve: 0 };
  let labelled = false;
  let index = 0;
  for await (const { label } of each) {
    sizes[partOf(index++)]++;
    labelled ||= label !== undefined;
  }
  sizes.calibration = Math.min(sizes.calibration, MOST_CALIBRATION);
  if (Math.min(...Object.values(sizes)) < LEAST)
    throw new ModelOperationError(
      "DATA_TOO_SMALL",
      `${index} samples cannot be divided into some to calibrate, some to choose and some to judge by: give 64 or more, better some hundreds`,
    );
  return { sizes, labelled };
}

/** SHA-256 of all samples as the model gets them, with their labels. */
export async function dataDigest(data: SearchData): Promise<string> {
  const { each } = await openSamples(data.source, data);
  const hash = createHash("sha256");
  for await (const { feeds, label } of each) {
    for (const [name, { dtype, shape, data: values }] of Object.entries(feeds)) {
      hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
      for (const piece of chunksOf(values)) hash.update(piece);
    }
    hash.update(`${label}\n`);
  }
  return hash.digest("hex");
}
