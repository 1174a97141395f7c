import type { OptimizeEvent } from "../optimize/events.js";
import type { ReportTrial } from "../optimize/report.js";
import type { Progress } from "../progress.js";
import { bytes, duration, factor } from "./format.js";
import { describeProgress, type ProgressLine } from "./progress-line.js";
import { label, printable } from "./table.js";

type Begin = Extract<OptimizeEvent, { event: "begin" }>;

/** Shows a search as it goes on: on a terminal a line for each trial and one that is redrawn, with --json a line of JSON for each event. */
export class SearchDisplay {
  /** How many trials there are so far. */
  trials = 0;
  private current: Begin | undefined;
  private begun = 0;

  constructor(
    private readonly line: ProgressLine,
    private readonly how: { json?: boolean | undefined; quiet?: boolean | undefined },
  ) {}

  readonly event = (event: OptimizeEvent): void => {
    if (event.event === "trial") this.trials++;
    this.current = event.event === "begin" ? event : undefined;
    this.begun = performance.now();
    if (this.how.json) process.stdout.write(`${JSON.stringify(event)}\n`);
    else if (event.event === "trial" && !this.how.quiet) this.line.say(describeTrial(event.trial));
  };

  readonly progress = (progress: Progress): void => {
    const { current } = this;
    if (current === undefined) this.line.update(progress);
    else
      this.line.show(`${current.number} ${progress.stage}`, () =>
        [
          `trial ${current.number} of ${current.number + current.after} or more`,
          this.timeLeft(current),
          label(current.label),
          describeProgress(progress),
        ].join(", "),
      );
  };

  /** The clock runs on while a trial is under way. */
  private timeLeft({ secondsLeft: { expected, most } }: Begin): string {
    const passed = (performance.now() - this.begun) / 1000;
    const left = (seconds: number) => duration(Math.max(0, seconds - passed));
    return expected === undefined
      ? `at most ${left(most)} left`
      : `${left(expected)} left, at most ${left(most)}`;
  }
}

function describeTrial({ label: name, status, reason, metrics, latency, sizeBytes }: ReportTrial): string {
  if (status !== "measured") return printable(`${name}: ${status}: ${reason}`);
  const [decisive] = metrics;
  return `${label(name)}: ${printable(decisive!.name)} ${decisive!.candidate.toFixed(4)}, ${factor(latency!.speedup)} as fast, ${bytes(sizeBytes!)}`;
}
