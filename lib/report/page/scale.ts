/** Maps values to pixels, with round numbers to label. */
export interface Scale {
  at: (value: number) => number;
  ticks: number[];
}

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers within a range, about as many as asked for. */
export function ticksBetween(low: number, high: number, wanted: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const size = 10 ** Math.floor(Math.log10(span / wanted));
  const step = size * STEPS.find((factor) => size * factor * wanted >= span)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A linear scale over the values, from zero where asked, with some room at the ends. */
export function scaleOver(
  values: readonly number[],
  from: number,
  to: number,
  { zero = false, ticks = 5 } = {},
): Scale {
  const least = Math.min(...values, ...(zero ? [0] : []));
  const most = Math.max(...values, ...(zero ? [0] : []));
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  const low = zero && least === 0 ? 0 : least - room;
  const high = most + room;
  return {
    at: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: ticksBetween(low, high, ticks),
  };
}
