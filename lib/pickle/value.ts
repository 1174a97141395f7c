import { MAX_STATE_WEIGHT, MAX_VALUE_WEIGHT } from "./limits.js";

/** An import that loading a pickle performs; all else in it is numbers, texts and collections of them. */
export interface PickleImport {
  readonly module: string;
  readonly name: string;
  /** How often it is called, as a function or to make an object. */
  calls: number;
}

/** A value that loading would make, as far as it matters for what loading would run. */
export type Value = string | number | boolean | null | Import | Tuple | Dict | Instance | typeof OTHER;

/** Anything else: long texts, floats, bytes, lists, sets, and what persistent ids and buffers stand for. */
export const OTHER: unique symbol = Symbol("other");

/** How many values are in a value, and in those again, itself counted; 0 for what holds none. It never changes. */
export function weightOf(value: Value): number {
  return typeof value === "object" && value !== null ? value.weight : 0;
}

export class Import implements PickleImport {
  readonly weight = 0;
  calls = 0;
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}

export class Tuple {
  readonly weight: number;
  constructor(readonly items: readonly Value[]) {
    let weight = 1 + items.length;
    for (const item of items) weight += weightOf(item);
    this.weight = weight;
  }
}

export class Dict {
  /** What will be in it is counted before. */
  readonly weight = MAX_VALUE_WEIGHT;
  /** Those under short texts, as far as they were counted. */
  readonly items = new Map<string, Value>();
  private room = MAX_VALUE_WEIGHT - 1;

  set(key: string, value: Value): void {
    const weight = 1 + weightOf(value);
    if (weight > this.room) return;
    this.room -= weight;
    this.items.set(key, value);
  }
}

/** What calling an import gives. */
export class Instance {
  readonly weight: number;
  private kept: Value = OTHER;
  constructor(
    readonly of: Import,
    readonly args: Value,
  ) {
    this.weight = 1 + weightOf(args) + MAX_STATE_WEIGHT;
  }

  /** What it was given after it was made, where that is as little as a dtype gets. */
  get state(): Value {
    return this.kept;
  }
  set state(state: Value) {
    this.kept = weightOf(state) <= MAX_STATE_WEIGHT ? state : OTHER;
  }
}
