/** What a LazyMap needs of a map. */
type StoredMap<Stored> = Pick<
  ReadonlyMap<string, Stored>,
  "size" | "has" | "get" | "keys" | typeof Symbol.iterator
>;

/** Named values, such as tensors, that are made when they are asked for, so that listing a file reads none of its data. */
export class LazyMap<Stored, Value> implements ReadonlyMap<string, Value> {
  constructor(
    private readonly stored: StoredMap<Stored>,
    private readonly decode: (stored: Stored, name: string) => Value,
  ) {}

  get size(): number {
    return this.stored.size;
  }
  has(name: string): boolean {
    return this.stored.has(name);
  }
  get(name: string): Value | undefined {
    const stored = this.stored.get(name);
    return stored === undefined ? undefined : this.decode(stored, name);
  }
  keys(): MapIterator<string> {
    return this.stored.keys();
  }
  *values(): MapIterator<Value> {
    for (const [name, stored] of this.stored) yield this.decode(stored, name);
  }
  *entries(): MapIterator<[string, Value]> {
    for (const [name, stored] of this.stored) yield [name, this.decode(stored, name)];
  }
  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }
  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [name, tensor] of this.entries()) visit(tensor, name, this);
  }
}

/** Names as a map to their places in the list. To go through it takes no look-up table; one is made when a name is looked up. */
export class NameList implements StoredMap<number> {
  private table: ReadonlyMap<string, number> | undefined;

  constructor(private readonly names: readonly string[]) {}

  get size(): number {
    return this.names.length;
  }
  has(name: string): boolean {
    return this.places().has(name);
  }
  get(name: string): number | undefined {
    return this.places().get(name);
  }
  keys(): MapIterator<string> {
    return this.names.values();
  }
  *[Symbol.iterator](): MapIterator<[string, number]> {
    for (const [place, name] of this.names.entries()) yield [name, place];
  }

  private places(): ReadonlyMap<string, number> {
    this.table ??= new Map(this);
    return this.table;
  }
}
