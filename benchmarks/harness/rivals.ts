import type { Row } from "./results.js";

/** Whom an operation at one size is compared with; absent where there is no such contender. */
export interface Rivals {
  /** JavaScript as people write it, the faster way of several. */
  naive?: Row;
  /** The fastest JavaScript: the js backend, or what beats it. */
  javascript?: Row;
  onnxruntime?: Row;
  /** The fastest loop that moves the same bytes on as many threads; on one, where more gain nothing. */
  limit?: Row;
}

/** The rivals of a contender that has this many threads. */
export function rivals(rows: readonly Row[], threads = 1): Rivals {
  const limits = rows.filter(({ kind }) => kind === "limit");
  const alike = limits.filter((row) => row.threads === threads);
  return {
    ...pick("naive", rows, ({ kind }) => kind === "naive"),
    ...pick(
      "javascript",
      rows,
      ({ kind, backend }) => kind === "naive" || kind === "javascript" || backend === "js",
    ),
    ...pick("onnxruntime", rows, ({ kind }) => kind === "onnxruntime"),
    ...pick("limit", alike.length > 0 ? alike : limits, () => true),
  };
}

function pick<Name extends keyof Rivals>(name: Name, rows: readonly Row[], isMeant: (row: Row) => boolean) {
  const [fastest] = rows.filter(isMeant).sort((a, b) => a.nanoseconds - b.nanoseconds);
  return fastest && { [name]: fastest };
}
