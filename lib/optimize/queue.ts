import { connect } from "node:net";
import type { Job, Queue, QueueEvents, Worker } from "bullmq";
import { ModelOperationError, outOfRange } from "../errors.js";
import type { OnProgress } from "../progress.js";
import type { Candidate } from "./candidate.js";
import type { Executor } from "./executor.js";
import { type TrialRecord, trialId } from "./trial.js";
import { fromSent, type SentError, type TrialJob, toSent } from "./trial-job.js";
import { runInProcess } from "./trial-process.js";

const QUEUE = "modelpress-trials";
/** A worker that has not been heard of for so long is dead, and another takes its job over. */
const LOCK_MS = 30_000;
const TAKEN_OVER = 5;
/** How long what came of a job can be asked for. */
const KEPT_SECONDS = 3600;
const REDIS_PORT = 6379;
const REACH_MS = 5000;

type Answer = { record: TrialRecord } | { error: SentError };
type TrialQueue = Queue<TrialJob, Answer>;

async function loadBullmq(): Promise<typeof import("bullmq")> {
  try {
    return await import("bullmq");
  } catch (cause) {
    throw new ModelOperationError(
      "QUEUE_FAILED",
      `a queue needs the packages bullmq and ioredis: npm install bullmq ioredis (${(cause as Error).message})`,
      { cause },
    );
  }
}

/** What BullMQ wants to know of the server at redis://[user:password@]host[:port][/database]. */
function connectionTo(url: string) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !["redis:", "rediss:"].includes(parsed.protocol))
    throw outOfRange("a URL such as redis://localhost:6379", "queue", url);
  return { url, maxRetriesPerRequest: null };
}

/** The client would try for ever. Throws QUEUE_FAILED where nobody listens. */
async function reach(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || REDIS_PORT), timeout: REACH_MS });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
      socket.once("timeout", () => reject(new Error(`no answer within ${REACH_MS / 1000} s`)));
    });
  } catch (cause) {
    throw new ModelOperationError("QUEUE_FAILED", `no queue at ${url}: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    socket.destroy();
  }
}

/** Trials on the workers of a queue, as many at once as there are; a worker that dies loses nothing but time. */
export class QueueExecutor implements Executor {
  readonly atOnce = Number.POSITIVE_INFINITY;

  private constructor(
    private readonly queue: TrialQueue,
    private readonly events: QueueEvents,
    private readonly job: Omit<TrialJob, "candidate">,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Rejects with QUEUE_FAILED where there is no server or no client for it. */
  static async open(
    url: string,
    job: Omit<TrialJob, "candidate">,
    signal: AbortSignal | undefined,
  ): Promise<QueueExecutor> {
    const connection = connectionTo(url);
    const { Queue, QueueEvents } = await loadBullmq();
    await reach(url);
    const queue: TrialQueue = new Queue(QUEUE, { connection });
    const events = new QueueEvents(QUEUE, { connection });
    // A connection that is lost is made again.
    queue.on("error", () => undefined);
    events.on("error", () => undefined);
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    return new QueueExecutor(queue, events, job, signal);
  }

  async run(candidate: Candidate): Promise<TrialRecord> {
    // The same trial, asked for by two searches, is one job.
    const job = await this.queue.add(
      "trial",
      { ...this.job, candidate },
      { jobId: trialId(this.job, candidate), removeOnComplete: { age: KEPT_SECONDS }, removeOnFail: true },
    );
    const answer = await this.wait(job);
    if ("error" in answer) throw fromSent(answer.error);
    return answer.record;
  }

  private wait(job: Job<TrialJob, Answer>): Promise<Answer> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal!.reason);
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort, { once: true });
      job
        .waitUntilFinished(this.events)
        .then(resolve, (cause: Error) =>
          reject(
            new ModelOperationError("QUEUE_FAILED", `${job.data.candidate.label}: ${cause.message}`, {
              cause,
            }),
          ),
        )
        .finally(() => signal?.removeEventListener("abort", abort));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.queue.close(), this.events.close()]);
  }
}

export interface WorkerOptions {
  /** URL of the Redis server that searches were given. */
  queue: string;
  /** Ends the worker after the trial it is at. */
  signal: AbortSignal;
  /** Told the name of each trial as it begins, and how it ended. */
  onTrial?: ((label: string, outcome: "begun" | "done" | "failed") => void) | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Runs trials of searches on other machines until told to stop. Model, samples and output folder must lie under the same
 * paths here as there.
 *
 * @throws ModelOperationError QUEUE_FAILED where there is no server or no client for it
 */
export async function runWorker({ queue, signal, onTrial, onProgress }: WorkerOptions): Promise<void> {
  const connection = connectionTo(queue);
  const { Worker: BullWorker } = await loadBullmq();
  await reach(queue);
  const worker: Worker<TrialJob, Answer> = new BullWorker(
    QUEUE,
    async ({ data }): Promise<Answer> => {
      onTrial?.(data.candidate.label, "begun");
      try {
        const record = await runInProcess(data, { onProgress });
        onTrial?.(data.candidate.label, "done");
        return { record };
      } catch (error) {
        onTrial?.(data.candidate.label, "failed");
        return { error: toSent(error) };
      }
    },
    { connection, lockDuration: LOCK_MS, stalledInterval: LOCK_MS / 2, maxStalledCount: TAKEN_OVER },
  );
  worker.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await worker.close();
}
