import type { Backend, Operations } from "./backend.js";
import { resolveBackend } from "./backends/index.js";
import { outOfRange, wrongType } from "./errors.js";
import type { Execution } from "./operations/execution.js";
import type { TypedArray } from "./tensor.js";

export interface CallOptions {
  /** A name or an element of backends(); default: the best. */
  backend?: string | Backend | undefined;
  /**
   * How many threads may work on the call, the caller's own included. Default: one for inputs below 1 MiB, where waking another
   * costs more than it saves, else one per processor. The result never depends on it.
   */
  threads?: number | undefined;
}

export interface AsyncCallOptions {
  /** Ends the work early; the promise rejects with the signal's reason, and what `out` holds then is undefined. */
  signal?: AbortSignal | undefined;
}

/** An operation whose arguments are checked. */
export interface Call<R> {
  /** How many values there are to work on. */
  readonly elements: number;
  /** Up to how many of them JavaScript is done before a call into the addon is (measured). Default 32. */
  readonly jsUpTo?: number;
  /** Every array that the operation reads or writes. */
  readonly arrays: readonly TypedArray[];
  run<T>(operations: Operations<T>, ...execution: Execution): T;
  /** What the operation gives, once it has run. */
  result(): R;
}

const JS_UP_TO = 32;

/** Runs a call to its end. */
export function runCall<R>(call: Call<R>, { backend, threads }: CallOptions): R {
  const isSmall = call.elements <= (call.jsUpTo ?? JS_UP_TO);
  call.run(resolveBackend(backend, isSmall), requireThreads(threads));
  return call.result();
}

/**
 * Runs a call off the event loop; errors of `prepare` reject the promise.
 *
 * The memory of a resizable ArrayBuffer may go away while another thread works on it, so such a call runs on the event loop instead.
 */
export async function runCallAsync<R>(
  prepare: () => Call<R>,
  { backend, threads, signal }: CallOptions & AsyncCallOptions,
): Promise<R> {
  signal?.throwIfAborted();
  const call = prepare();
  if (call.arrays.some(canShrink)) return runCall(call, { backend, threads });

  const cancel = new Int32Array(1);
  const stop = () => {
    Atomics.store(cancel, 0, 1);
  };
  signal?.addEventListener("abort", stop);
  try {
    await call.run(resolveBackend(backend).async, requireThreads(threads), cancel);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  signal?.throwIfAborted();
  return call.result();
}

/** A SharedArrayBuffer can only grow. */
function canShrink({ buffer }: TypedArray): boolean {
  return buffer instanceof ArrayBuffer && (buffer as { resizable?: boolean }).resizable === true;
}

function requireThreads(threads: unknown): number {
  if (threads === undefined) return 0;
  if (typeof threads !== "number") throw wrongType("a number of threads", "threads", threads);
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024)
    throw outOfRange("a whole number in 1..1024", "threads", threads);
  return threads;
}
