import type { Tensor } from "./tensor.js";

/** Named tensors that are made when they are asked for, so that listing a file reads none of its data. */
export class LazyTensors<Stored> implements ReadonlyMap<string, Tensor> {
  constructor(
    private readonly stored: ReadonlyMap<string, Stored>,
    private readonly decode: (stored: Stored, name: string) => Tensor,
  ) {}

  get size(): number {
    return this.stored.size;
  }
  has(name: string): boolean {
    return this.stored.has(name);
  }
  get(name: string): Tensor | undefined {
    const stored = this.stored.get(name);
    return stored === undefined ? undefined : this.decode(stored, name);
  }
  keys(): MapIterator<string> {
    return this.stored.keys();
  }
  *values(): MapIterator<Tensor> {
    for (const [name, stored] of this.stored) yield this.decode(stored, name);
  }
  *entries(): MapIterator<[string, Tensor]> {
    for (const [name, stored] of this.stored) yield [name, this.decode(stored, name)];
  }
  [Symbol.iterator](): MapIterator<[string, Tensor]> {
    return this.entries();
  }
  forEach(visit: (value: Tensor, key: string, map: ReadonlyMap<string, Tensor>) => void): void {
    for (const [name, tensor] of this.entries()) visit(tensor, name, this);
  }
}
