import type { ReportTrial } from "./report.js";

const NORMAL_95 = 1.959964;
/** Beyond so many flips their sum is normal for all that matters. */
const FEW = 60;

/**
 * How likely a trial is to hold the limit on other samples, by those that it was measured on. Of answers among classes, those that
 * become wrong and those that become right are counted by Poisson distributions of the estimated rates; of other metrics the
 * difference of two means is normal.
 *
 * @param samples how many others
 */
export function chanceToHold({ metrics, flips }: ReportTrial, maxDrop: number, samples: number): number {
  const [decisive] = metrics;
  if (decisive === undefined) return 0;
  if (flips) {
    const [lost, gained] = [flips.lost * samples, flips.gained * samples];
    // Half a sample of slack against rounding: a limit of 0.01 of 100 samples is one sample.
    const allowed = Math.floor(maxDrop * samples + 1e-9);
    if (lost + gained > FEW) return normal((allowed + 0.5 - (lost - gained)) / Math.sqrt(lost + gained));
    return poissonDifference(lost, gained, allowed);
  }
  const reach = (decisive.interval[1] - decisive.interval[0]) / 2;
  const deviation = (reach / NORMAL_95) * Math.sqrt(1 + decisive.samples / samples);
  if (deviation === 0) return Number(decisive.drop <= maxDrop);
  return normal((maxDrop - decisive.drop) / deviation);
}

/** The chance that the first of two Poisson variables is at most `most` above the second. */
function poissonDifference(first: number, second: number, most: number): number {
  let [chance, below, added] = [0, 0, -1];
  for (let k = 0; k <= 3 * FEW; k++) {
    while (added < most + k) below += poisson(first, ++added);
    chance += poisson(second, k) * below;
  }
  return Math.min(1, chance);
}

function poisson(mean: number, k: number): number {
  let probability = Math.exp(-mean);
  for (let i = 1; i <= k; i++) probability *= mean / i;
  return probability;
}

/** Distribution function of the standard normal distribution (Abramowitz and Stegun 7.1.26, to 2e-7). */
function normal(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2));
  const tail =
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    t *
    Math.exp((-x * x) / 2);
  return x < 0 ? tail / 2 : 1 - tail / 2;
}
