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

export class Import implements PickleImport {
  calls = 0;
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

export class Dict {
  /** Those under short texts, and not many of them. */
  readonly items = new Map<string, Value>();
}

/** What calling an import gives. */
export class Instance {
  state: Value = OTHER;
  constructor(
    readonly of: Import,
    readonly args: Value,
  ) {}
}
