import type { Tensor } from "../tensor.js";
import { answer } from "./metric.js";

/** Of one answer, how likely it is to become wrong where it was right, and right where it was wrong. */
export interface FlipRates {
  lost: number;
  gained: number;
}

interface Scored {
  outputs: Readonly<Record<string, Tensor>>;
  reference: Readonly<Record<string, Tensor>>;
  /** Without it, the original's answer is the right one. */
  label?: number | undefined;
}

/** What the estimate counts for beside what was seen: as much as so many samples. */
const PRIOR_SAMPLES = 500;
/** What narrow leads that were not seen count for: as much as so many samples, with leads from nothing to the middle one. */
const UNSEEN_SAMPLES = 8;
/** Leads that stand for those. */
const UNSEEN_LEADS = 64;

/**
 * Estimates from few samples how often a model answers otherwise than the original. Counting tells shares of 1 / samples and
 * no less; but each sample also tells by how much its answer leads (the margin), and by how much the candidate changed that.
 * An answer flips where the change is larger than the margin. Changes are taken to follow Student's t distribution with 3 degrees
 * of freedom around their mean: its heavy tails come closest to what pruned and quantized networks do to ten thousand samples, by
 * what they do to a hundred. Where samples are many, what was counted prevails.
 *
 * The leads of few samples do not show how narrow others are, least of all where the model was trained on them: of 256 such digits
 * the narrowest lead was 4 logits, of 800 others 0.1, with 5 in the middle of both. So some of those that were not seen are taken to
 * lie anywhere below the middle (a Dirichlet process). With 4 of them the losses of pruned and quantized networks among 800 to 10,000
 * other samples were foretold about right by 88 samples, on the average, and without them 3 to 20 times too few. A decision wants
 * room for those that lose twice the average: 8.
 */
export class Flips {
  /** Of samples that the original answers right: the margin to the next class. */
  private readonly leads: number[] = [];
  /** Of those that it answers wrong: how far the right class is behind. */
  private readonly gaps: number[] = [];
  /** By how much the candidate brought the margin down. */
  private readonly changes: number[] = [];
  private lost = 0;
  private gained = 0;
  private fits = true;

  add({ outputs, reference, label }: Scored): void {
    const before = logits(reference);
    const after = logits(outputs);
    if (before === undefined || after === undefined || after.length !== before.length) this.fits = false;
    if (!this.fits || before === undefined || after === undefined) return;
    const top = best(before);
    const lead = before[top]! - before[best(before, top)]!;
    const left = after[top]! - after[best(after, top)]!;
    this.changes.push(lead - left);
    const right = label ?? top;
    const isRight = best(after) === right;
    if (right === top) {
      this.leads.push(lead);
      if (!isRight) this.lost++;
    } else {
      this.gaps.push(before[top]! - (before[right] ?? Number.NEGATIVE_INFINITY));
      if (isRight) this.gained++;
    }
  }

  /** Undefined where samples have not one answer among classes each. */
  result(): FlipRates | undefined {
    const { changes, leads, gaps } = this;
    const samples = changes.length;
    if (!this.fits || samples === 0) return undefined;
    const mean = changes.reduce((sum, change) => sum + change, 0) / samples;
    const squares = changes.reduce((sum, change) => sum + (change - mean) ** 2, 0);
    const deviation = Math.sqrt(squares / Math.max(1, samples - 1));
    const flipping = (margins: readonly number[]) =>
      margins.reduce((sum, margin) => sum + shareAbove((margin - mean) / deviation), 0);
    const unseen = (UNSEEN_SAMPLES / UNSEEN_LEADS) * flipping(leadsUpTo(middle(leads)));
    const rate = (counted: number, expected: number) =>
      (counted + (PRIOR_SAMPLES * expected) / (samples + UNSEEN_SAMPLES)) / (samples + PRIOR_SAMPLES);
    return {
      lost: rate(this.lost, flipping(leads) + unseen),
      gained: rate(this.gained, flipping(gaps)),
    };
  }
}

/** The middle one of the sorted values, the higher of two; 0 of none. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Evenly from nothing to the most. */
function leadsUpTo(most: number): number[] {
  return Array.from({ length: UNSEEN_LEADS }, (_, i) => ((i + 0.5) / UNSEEN_LEADS) * most);
}

/** Where differences between values are comparable: of probabilities, their logarithms. */
function logits(tensors: Readonly<Record<string, Tensor>>): number[] | undefined {
  const { values, classes } = answer(tensors);
  if (values.length !== classes || classes === 0) return undefined;
  const all = Array.from(values);
  if (all.some((value) => !Number.isFinite(value))) return undefined;
  const [only] = all as [number];
  if (classes === 1) return only >= 0 && only <= 1 ? [log(1 - only), log(only)] : [0.5, only];
  const sum = all.reduce((total, value) => total + value, 0);
  const areShares = Math.abs(sum - 1) < 1e-3 && all.every((value) => value >= 0);
  return areShares ? all.map(log) : all;
}

/** Below it a probability of float32 tells nothing. */
const LEAST_PROBABILITY = 1e-12;

function log(probability: number): number {
  return Math.log(Math.max(probability, LEAST_PROBABILITY));
}

/** The first largest of the others. */
function best(values: readonly number[], except = -1): number {
  let found = except === 0 ? 1 : 0;
  for (let i = found + 1; i < values.length; i++) if (i !== except && values[i]! > values[found]!) found = i;
  return found;
}

/** How much of Student's t distribution with 3 degrees of freedom lies above x; nothing where nothing changed (NaN). */
function shareAbove(x: number): number {
  if (!Number.isFinite(x)) return x < 0 ? 1 : 0;
  const t = x / Math.sqrt(3);
  return 0.5 - (t / (1 + t * t) + Math.atan(t)) / Math.PI;
}
