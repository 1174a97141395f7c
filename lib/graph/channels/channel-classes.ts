/**
 * Which elements of axes stay or go together: a union of sets (union-find). A set may be locked, with the reason why its
 * elements have to stay.
 */
export class ChannelClasses {
  private parents = new Int32Array(1024);
  private used = 0;
  private readonly locks = new Map<number, string>();

  /** How many elements there are. */
  get size(): number {
    return this.used;
  }

  /** Makes so many new elements, each by itself, and returns the first. */
  add(count: number): number {
    const first = this.used;
    this.used += count;
    if (this.used > this.parents.length) {
      const larger = new Int32Array(Math.max(2 * this.parents.length, this.used));
      larger.set(this.parents.subarray(0, first));
      this.parents = larger;
    }
    for (let i = first; i < this.used; i++) this.parents[i] = i;
    return first;
  }

  /** The element that stands for the whole set. */
  find(element: number): number {
    const { parents } = this;
    let root = element;
    while (parents[root] !== root) root = parents[root]!;
    for (let i = element; i !== root; ) {
      const next = parents[i]!;
      parents[i] = root;
      i = next;
    }
    return root;
  }

  unite(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    if (x === y) return;
    const [low, high] = x < y ? [x, y] : [y, x];
    this.parents[high] = low;
    const reason = this.locks.get(high);
    this.locks.delete(high);
    if (reason !== undefined) this.lock(low, reason);
  }

  /** The first reason stays. */
  lock(element: number, reason: string): void {
    const root = this.find(element);
    if (!this.locks.has(root)) this.locks.set(root, reason);
  }

  /** Why the set of an element has to stay; undefined where it may go. */
  lockOf(element: number): string | undefined {
    return this.locks.get(this.find(element));
  }
}
