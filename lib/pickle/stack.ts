import { MAX_IMPORTS, MAX_ITEMS, MAX_MEMO, MAX_SPARSE_MEMO, MAX_STACK } from "./limits.js";
import { Dict, Import, Instance, OTHER, type PickleImport, Tuple, type Value } from "./value.js";

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

/** The two memories of a machine that loads pickles. Throws RangeError where loading would fail or a limit is passed. */
export class Stack {
  private readonly values: (Value | typeof MARK)[] = [];
  /** Python numbers what it remembers from 0, so nearly all of it is here. */
  private readonly dense: Value[] = [];
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
    return value;
  }

  /** Of a mark, too. */
  drop(): void {
    if (this.values.pop() === undefined) throw new RangeError("a value is taken that is not there");
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
    return items;
  }

  remember(index: number): void {
    const value = this.top();
    if (index < this.dense.length) this.dense[index] = value;
    else if (index === this.dense.length && index < MAX_MEMO) {
      this.dense.push(value);
      this.sparse.delete(index);
    } else {
      if (this.sparse.size >= MAX_SPARSE_MEMO || this.dense.length >= MAX_MEMO)
        throw new RangeError("more values are remembered than modelpress follows");
      this.sparse.set(index, value);
    }
  }

  rememberNext(): void {
    this.remember(this.dense.length + this.sparse.size);
  }

  recall(index: number): void {
    const value = index < this.dense.length ? this.dense[index] : this.sparse.get(index);
    if (value === undefined) throw new RangeError(`value ${index} is used but was never remembered`);
    this.push(value);
  }

  pushTuple(items: readonly Value[]): void {
    this.push(items.length <= MAX_ITEMS ? new Tuple(items) : OTHER);
  }

  /** Keys and values in turn, into a dict or whatever else takes them. */
  setItems(target: Value, items: readonly Value[]): void {
    if (items.length % 2 !== 0) throw new RangeError("a key has no value");
    if (!(target instanceof Dict)) return;
    for (let i = 0; i < items.length && target.items.size < MAX_ITEMS; i += 2) {
      const key = items[i];
      if (typeof key === "string") target.items.set(key, items[i + 1]!);
    }
  }

  call(callee: Value, args: Value): void {
    const of = callee instanceof Instance ? callee.of : callee;
    if (!(of instanceof Import)) {
      this.push(OTHER);
      return;
    }
    of.calls++;
    this.push(new Instance(of, args));
  }

  private pushAny(value: Value | typeof MARK): void {
    if (this.values.length >= MAX_STACK)
      throw new RangeError("more values wait for what they belong to than modelpress follows");
    this.values.push(value);
  }
}
