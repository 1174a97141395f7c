import type { Progress } from "../progress.js";

/** Ten times a second is smooth to the eye and costs nothing. */
const INTERVAL_MS = 100;
const BAR_WIDTH = 24;
const ERASE_LINE = "\r\x1b[2K";

/** One line on a terminal that tells how far the work is; elsewhere it says nothing. */
export class ProgressLine {
  private lastDrawn = Number.NEGATIVE_INFINITY;
  private lastStage: string | undefined;
  private visible = false;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly enabled: boolean,
  ) {}

  readonly update = (progress: Progress): void => {
    this.show(progress.stage, () => describeProgress(progress));
  };

  /** Draws the line at once where the stage is another one than before, else if it was not drawn just now. */
  show(stage: string, text: () => string): void {
    const now = performance.now();
    if (!this.enabled || (stage === this.lastStage && now - this.lastDrawn < INTERVAL_MS)) return;
    this.lastDrawn = now;
    this.lastStage = stage;
    this.stream.write(ERASE_LINE + text().slice(0, (this.stream.columns ?? 80) - 1));
    this.visible = true;
  }

  /** Prints a line that stays, above the one that is redrawn. */
  say(line: string): void {
    this.clear();
    this.stream.write(`${line}\n`);
  }

  /** Wipes the line away, so that what is printed next stands alone. */
  clear(): void {
    if (this.visible) this.stream.write(ERASE_LINE);
    this.visible = false;
  }
}

/** "compare  [####----] 16/32", or only how much is done where the whole is not known. */
export function describeProgress({ stage, done, total }: Progress): string {
  return total === undefined ? `${stage}  ${done}` : `${stage}  ${bar(done / total)} ${done}/${total}`;
}

function bar(share: number): string {
  const filled = Math.round(Math.max(0, Math.min(1, share)) * BAR_WIDTH);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
}
