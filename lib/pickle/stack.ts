import {
  MAX_IMPORTS,
  MAX_MEMO,
  MAX_MEMO_GAP,
  MAX_SPARSE_MEMO,
  MAX_STACK,
  MAX_TOTAL_WEIGHT,
  MAX_VALUE_WEIGHT,
} from "./limits.js";
import { Dict, Import, Instance, OTHER, type PickleImport, Tuple, type Value, weightOf } from "./value.js";

const MARK: unique symbol = Symbol("mark");

type PickleName = Pick<PickleImport, "module" | "name">;

function keyOf({ module, name }: PickleName): string {
  return `${module}\n${name}`;
}

/** Imports by module and name, over all pickles of a file. */
export class Imports {
  private readonly known = new Map<string, Import>();

  get(module: string, name: string): Import {
    const key = keyOf({ module, name });
    let found = this.known.get(key);
    if (found === undefined) {
      if (this.known.size === MAX_IMPORTS) throw new RangeError(`more than ${MAX_IMPORTS} different imports`);
      found = new Import(module, name);
      this.known.set(key, found);
    }
    return found;
  }

  has({ module, name }: PickleName): boolean {
    return this.known.has(keyOf({ module, name }));
  }

  addMissing(others: Imports): void {
    for (const other of others.list())
      if (!this.has(other)) this.get(other.module, other.name).calls = other.calls;
  }

  list(): Import[] {
    return [...this.known.values()];
  }
}

/**
 * The two memories of a machine that loads pickles. Throws RangeError where loading would fail or a limit is passed. What would
 * make them hold too much is forgotten: imports never are, only what is in collections.
 */
export class Stack {
  private readonly values: (Value | typeof MARK)[] = [];
  private weight = 0;
  private memoWeight = 0;
  private memoCount = 0;
  /** Python numbers what it remembers from 0, so nearly all of it is here; undefined where a number was passed over. */
  private readonly dense: (Value | undefined)[] = [];
  private readonly sparse = new Map<number, Value>();

  push(value: Value): void {
    this.pushAny(value);
  }

  mark(): void {
    this.pushAny(MARK);
  }

  pop(): Value {
    const value = this.values.pop();
    if (value === undefined || value === MARK) throw new RangeError("a value is taken that is not there");
    this.weight -= weightOf(value);
    return value;
  }

  /** Of a mark, too. */
  drop(): void {
    const value = this.values.pop();
    if (value === undefined) throw new RangeError("a value is taken that is not there");
    if (value !== MARK) this.weight -= weightOf(value);
  }

  top(): Value {
    const value = this.values.at(-1);
    if (value === undefined || value === MARK) throw new RangeError("a value is used that is not there");
    return value;
  }

  /** Everything above the last mark, and the mark. */
  popToMark(): Value[] {
    const mark = this.values.lastIndexOf(MARK);
    if (mark === -1) throw new RangeError("a mark is used that is not there");
    const items = this.values.splice(mark) as Value[];
    items.shift();
    for (const item of items) this.weight -= weightOf(item);
    return items;
  }

  remember(index: number): void {
    const known = this.remembered(index);
    if (known === undefined) this.memoCount++;
    else this.memoWeight -= weightOf(known);
    const value = this.memorable();
    if (index < this.dense.length) this.dense[index] = value;
    else if (index <= this.dense.length + MAX_MEMO_GAP && index < MAX_MEMO) {
      while (this.dense.length < index) this.dense.push(this.moveSparse(this.dense.length));
      this.dense.push(value);
      this.sparse.delete(index);
    } else {
      if (this.sparse.size >= MAX_SPARSE_MEMO || this.dense.length >= MAX_MEMO)
        throw new RangeError("more values are remembered than modelpress follows");
      this.sparse.set(index, value);
    }
  }

  rememberNext(): void {
    this.remember(this.memoCount);
  }

  private remembered(index: number): Value | undefined {
    return index < this.dense.length ? this.dense[index] : this.sparse.get(index);
  }

  private moveSparse(index: number): Value | undefined {
    const value = this.sparse.get(index);
    this.sparse.delete(index);
    return value;
  }

  /** The top, or that it is something: a dict is filled where it stands, and what would be too much is left. */
  private memorable(): Value {
    const value = this.top();
    const weight = weightOf(value);
    if (value instanceof Dict || this.memoWeight + weight > MAX_TOTAL_WEIGHT) return OTHER;
    this.memoWeight += weight;
    return value;
  }

  recall(index: number): void {
    const value = this.remembered(index);
    if (value === undefined) throw new RangeError(`value ${index} is used but was never remembered`);
    this.push(value);
  }

  /** The last values, as a tuple of them. */
  pushTupleOf(count: number): void {
    const items = new Array<Value>(count);
    for (let i = count - 1; i >= 0; i--) items[i] = this.pop();
    this.pushTuple(items);
  }

  pushTuple(items: readonly Value[]): void {
    const tuple = items.length < MAX_VALUE_WEIGHT ? new Tuple(items) : OTHER;
    this.push(weightOf(tuple) <= MAX_VALUE_WEIGHT ? tuple : OTHER);
  }

  /** Keys and values in turn, into a dict or whatever else takes them. */
  setItems(target: Value, items: readonly Value[]): void {
    if (items.length % 2 !== 0) throw new RangeError("a key has no value");
    if (!(target instanceof Dict)) return;
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key === "string") target.set(key, items[i + 1]!);
    }
  }

  call(callee: Value, args: Value): void {
    const of = callee instanceof Instance ? callee.of : callee;
    if (!(of instanceof Import)) {
      this.push(OTHER);
      return;
    }
    of.calls++;
    this.push(new Instance(of, weightOf(args) <= MAX_VALUE_WEIGHT ? args : OTHER));
  }

  private pushAny(value: Value | typeof MARK): void {
    if (this.values.length >= MAX_STACK)
      throw new RangeError("more values wait for what they belong to than modelpress follows");
    const weight = value === MARK ? 0 : weightOf(value);
    if (this.weight + weight > MAX_TOTAL_WEIGHT) this.values.push(OTHER);
    else {
      this.weight += weight;
      this.values.push(value);
    }
  }
}
