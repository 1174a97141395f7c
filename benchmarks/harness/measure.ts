import type { Contender } from "./contender.js";

/** What one contender needed for one call. */
export interface Measured extends Omit<Contender, "run"> {
  /** The median of the samples. */
  nanoseconds: number;
  fastest: number;
  samples: number;
}

export interface Effort {
  /** Nanoseconds in which compilers and branch predictors get to know a call. */
  warmUp: number;
  /** Nanoseconds of one sample at least; a single call where that is longer. Short, so that few are interrupted. */
  sample: number;
  /** Nanoseconds for one contender, after which it is left out of further turns. */
  budget: number;
  /** Turns at most. */
  turns: number;
}

export const EFFORTS = {
  thorough: { warmUp: 1e8, sample: 2e5, budget: 1.5e9, turns: 301 },
  /** For many operations one after the other. */
  brief: { warmUp: 1e8, sample: 2e5, budget: 4e8, turns: 41 },
  /** For calls on few values at many sizes, where what counts is a multiple. */
  glance: { warmUp: 2e7, sample: 1e5, budget: 1e8, turns: 21 },
  quick: { warmUp: 2e6, sample: 1e5, budget: 2e7, turns: 5 },
} satisfies Record<string, Effort>;

/** Nanoseconds of a call whose arrays no cache holds. */
const LONG = 5e6;

/** Lets the contenders take turns, so that what else the machine does hits all of them alike. */
export async function measure(contenders: readonly Contender[], effort: Effort): Promise<Measured[]> {
  const entries = [];
  for (const contender of contenders) {
    const once = await warmUp(contender, effort.warmUp);
    const repeats = Math.max(1, Math.round(effort.sample / once));
    const turns = Math.min(effort.turns, Math.floor(effort.budget / (repeats * once)));
    // What is slower than its budget was measured by being warmed up.
    entries.push({ contender, once, repeats, turns, times: turns === 0 ? [once] : [] });
  }
  const most = Math.max(...entries.map(({ turns }) => turns));
  for (let turn = 0; turn < most; turn++)
    for (const { contender, once, repeats, turns, times } of entries) {
      // Spread over the whole run: a slow contender's few samples lie among all of the others'.
      if (Math.floor(((turn + 1) * turns) / most) <= times.length) continue;
      // Not timed: it finds the caches as the one before left them.
      if (once < LONG) await sample(contender, 1);
      times.push(await sample(contender, repeats));
    }
  return entries.map(({ contender: { run: _, ...contender }, times }) => {
    times.sort((a, b) => a - b);
    return {
      ...contender,
      nanoseconds: times[times.length >> 1]!,
      fastest: times[0]!,
      samples: times.length,
    };
  });
}

/** Nanoseconds of a call once it is warm. */
async function warmUp(contender: Contender, nanoseconds: number): Promise<number> {
  let spent = 0;
  let calls = 1;
  for (;;) {
    const once = await sample(contender, calls);
    spent += once * calls;
    if (spent >= nanoseconds) return Math.max(once, 1);
    // Doubled, because a single call is too short for the clock.
    calls = Math.min(calls * 2, Math.ceil(nanoseconds / Math.max(once, 1)));
  }
}

/**
 * Nanoseconds for one call. On one thread that is processor time where it is less than what passed: the difference went to other
 * processes. Several threads are judged by the clock.
 */
async function sample({ run, threads }: Contender, repeats: number): Promise<number> {
  const cpuBefore = process.cpuUsage();
  const before = process.hrtime.bigint();
  for (let i = 0; i < repeats; i++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  const passed = Number(process.hrtime.bigint() - before);
  const cpu = process.cpuUsage(cpuBefore);
  const used = (cpu.user + cpu.system) * 1000;
  return (threads === 1 ? Math.min(passed, used) : passed) / repeats;
}
