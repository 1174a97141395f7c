const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** 1048509 as 1.05 MB. */
export function bytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}

/** 0.9962 as 99.62 %. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A share gained or lost, in percentage points, always with its sign. */
export function points(difference: number): string {
  return `${signed(difference * 100, 2)} pt`;
}

/** A ratio as the change that it means: 0.26 as -74.0 %. */
export function change(ratio: number): string {
  return `${signed((ratio - 1) * 100, 1)} %`;
}

export function milliseconds(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value.toPrecision(4)} ms`;
}

/** 2.794 as 2.79x. */
export function factor(value: number): string {
  return `${value.toFixed(2)}x`;
}

/** Infinity means that nothing differs. */
export function decibels(value: number): string {
  return value === Number.POSITIVE_INFINITY ? "exact" : `${value.toFixed(1)} dB`;
}

function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  // Rounding may leave a minus before zero.
  if (Number(text) === 0) return (0).toFixed(digits);
  return value > 0 ? `+${text}` : text;
}

/** 75.4 seconds as 1:15. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "1 trial", "2 trials". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
