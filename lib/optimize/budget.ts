/** The seconds of a search, and what of them is left for another trial and for what comes after the last. */
export class Budget {
  private readonly start = performance.now();
  private readonly taken: number[] = [];

  constructor(private readonly seconds: number) {}

  /** Whether a trial that took as long as the longest would end too late for the verdict, which takes about as long. */
  isOver(): boolean {
    if (this.taken.length === 0) return false;
    return 2 * Math.max(...this.taken) >= this.seconds - this.spent();
  }

  /** Tells how long a trial took, now or when it was run before. */
  note(seconds: number): void {
    this.taken.push(seconds);
  }

  /** How long so many trials, and the verdict, will take by those before them, and how long they may. */
  left(trials: number): { expected?: number; most: number } {
    const most = Math.max(0, this.seconds - this.spent());
    if (this.taken.length === 0) return { most };
    const mean = this.taken.reduce((sum, each) => sum + each, 0) / this.taken.length;
    return { expected: Math.min(most, mean * (trials + 1)), most };
  }

  private spent(): number {
    return (performance.now() - this.start) / 1000;
  }
}
