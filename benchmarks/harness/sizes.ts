/** 65536 from "64K"; undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^([1-9]\d*)([KMG]?)$/.exec(text);
  return match ? Number(match[1]) * 2 ** (10 * " KMG".indexOf(match[2] || " ")) : undefined;
}

/** "64K" from 65536. */
export function formatSize(n: number): string {
  for (const [unit, size] of [
    ["M", 2 ** 20],
    ["K", 2 ** 10],
  ] as const)
    if (n % size === 0) return `${n / size}${unit}`;
  return String(n);
}
