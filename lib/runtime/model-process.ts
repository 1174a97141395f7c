import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { basename, join } from "node:path";
import { ModelOperationError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type {
  Feeds,
  GraphOptimization,
  LoadOptions,
  Method,
  Methods,
  Reply,
  TimeOptions,
} from "./protocol.js";
import { Session } from "./session.js";

/** The compiled child: never the source of it, under the test runner either. */
const CHILD = "dist/runtime/child.js";
/** How much of the child's last error output an error carries. */
const STDERR_BYTES = 4096;

export interface ModelProcessOptions {
  /** Kills the process; what was under way rejects with signal.reason. */
  signal?: AbortSignal | undefined;
  /** The longest that one request may take, in milliseconds; then the process is killed and the request rejects with TIMEOUT. Default: no limit. */
  timeoutMs?: number | undefined;
}

interface Pending {
  readonly method: Method;
  resolve(result: never): void;
  reject(reason: unknown): void;
}

/**
 * onnxruntime-node in a process of its own, since a run blocks the event loop and a thread cannot be stopped in a run
 * without taking the whole process down. Requests are answered one at a time, in order.
 * An idle ModelProcess does not keep the parent alive, and dies with it.
 *
 * @example
 * await using models = await ModelProcess.start({ signal });
 * const session = await models.load("model.onnx", { threads: 1 });
 * const { logits } = await session.run({ image });
 */
export class ModelProcess implements AsyncDisposable {
  /** In the order in which they are answered. */
  private readonly pending = new Map<number, Pending>();
  /** Of the request that is worked on. */
  private timer: NodeJS.Timeout | undefined;
  private child: ChildProcess | undefined;
  private exited: Promise<unknown> = Promise.resolve();
  private readonly labels = new Set<string>();
  private stderr = Buffer.alloc(0);
  private lastId = 0;
  /** Why no more requests can be answered. */
  private ended: { reason: unknown } | undefined;

  private constructor(private readonly options: ModelProcessOptions) {
    options.signal?.throwIfAborted();
    options.signal?.addEventListener("abort", this.abort);
  }

  /** Starts the process, which loads onnxruntime meanwhile. Rejects with signal.reason or PROCESS_DIED. */
  static async start(options: ModelProcessOptions = {}): Promise<ModelProcess> {
    const models = new ModelProcess(options);
    try {
      const child = models.started();
      if (child.pid === undefined) await once(child, "spawn");
    } catch (cause) {
      throw new ModelOperationError("PROCESS_DIED", `No process for models: ${(cause as Error).message}`, {
        cause,
      });
    }
    return models;
  }

  /**
   * Starts the process that the next ModelProcess will have, for those who have something else to load first. Like every other it does
   * not keep this process alive, and dies with it.
   */
  static startSpare(): void {
    if (spare) return;
    const child = startChild();
    const forget = () => {
      if (spare === child) spare = undefined;
    };
    child.once("error", forget);
    child.once("exit", forget);
    spare = child;
  }

  /** A process that starts with the first request, for those who may have none. Throws signal.reason. */
  static whenAsked(options: ModelProcessOptions = {}): ModelProcess {
    return new ModelProcess(options);
  }

  /**
   * Loads a model from a path, or from bytes where no external data is needed.
   * Rejects with RUNTIME_MISSING, RUNTIME_FAILED (a file that onnxruntime does not take) or UNSUPPORTED_MODEL.
   */
  async load(model: string | Uint8Array, options: LoadOptions = {}): Promise<Session> {
    const label = typeof model === "string" ? model : "a model in memory";
    this.labels.add(label);
    const { session, inputs, outputs } = await this.request("load", { model, options });
    return new Session(this, session, label, inputs, outputs);
  }

  /**
   * Times sessions of this process in turn, A B A B, so that what else the machine does meets all alike.
   * Returns milliseconds per run: one list per session, one number per round.
   */
  async time(sessions: readonly Session[], feeds: Feeds, options: TimeOptions): Promise<number[][]> {
    return this.request("time", { sessions: sessions.map(({ id }) => id), feeds, options });
  }

  /** The version of onnxruntime-node. Rejects with RUNTIME_MISSING where there is none. */
  runtimeVersion(): Promise<string> {
    return this.request("version", undefined);
  }

  /** The most memory that the process has had, in bytes. */
  peakMemory(): Promise<number> {
    return this.request("peakMemory", undefined);
  }

  /**
   * Writes `input` to `output` as onnxruntime rewrites it at the given level. `external` says that tensors of `input` lie in other
   * files: those of `output` do then, in one beside it, else it would look for them where it does not lie.
   */
  async optimizeModelFile(
    input: string,
    output: string,
    level: GraphOptimization,
    { external = false } = {},
  ): Promise<void> {
    const data = basename(output).replace(/(\.onnx)?$/, ".data");
    const session = await this.load(input, {
      graphOptimization: level,
      optimizedModelFilePath: output,
      config: external ? { "session.optimized_model_external_initializers_file_name": data } : {},
    });
    session.release();
  }

  /** Ends the process and waits until it is gone; what is under way is lost. */
  async close(): Promise<void> {
    this.end(new ModelOperationError("PROCESS_DIED", "The process for models was closed"));
    this.keepParentAlive(true);
    // It holds nothing worth a farewell, and onnxruntime's teardown takes time.
    this.child?.kill("SIGKILL");
    await this.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For Session: sends one request and waits for its answer. */
  request<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"]> {
    if (this.ended) return Promise.reject(this.ended.reason);
    const child = this.started();
    const id = ++this.lastId;
    return new Promise<Methods[M]["result"]>((resolve, reject) => {
      this.pending.set(id, { method, resolve, reject });
      if (this.pending.size === 1) this.startTimer();
      this.keepParentAlive(true);
      child.send({ id, method, params }, (error) => {
        // A broken channel means that the process is going; its close event tells why.
        if (error && child.connected)
          this.settle({ id, error: { code: "RUNTIME_FAILED", message: error.message } });
      });
    });
  }

  private started(): ChildProcess {
    if (this.child) return this.child;
    const child = spare ?? startChild();
    spare = undefined;
    child.on("message", (reply: Reply) => this.settle(reply));
    child.on("close", (code, signal) => this.end(this.died(code, signal)));
    child.on("error", (cause) => this.end(new ModelOperationError("PROCESS_DIED", cause.message, { cause })));
    child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr = Buffer.concat([this.stderr, chunk]).subarray(-STDERR_BYTES);
    });
    this.child = child;
    this.exited = new Promise((resolve) => child.once("close", resolve));
    return child;
  }

  private readonly abort = (): void => {
    this.child?.kill("SIGKILL");
    this.end(this.options.signal!.reason);
  };

  /** Requests that wait for others have all their time left. */
  private startTimer(): void {
    clearTimeout(this.timer);
    const [first] = this.pending.values();
    const { timeoutMs } = this.options;
    if (first === undefined || timeoutMs === undefined) return;
    this.timer = setTimeout(() => this.timeOut(first.method, timeoutMs), timeoutMs);
  }

  private timeOut(method: Method, timeoutMs: number): void {
    this.child?.kill("SIGKILL");
    this.end(
      new ModelOperationError("TIMEOUT", `${this.what()}: ${method} took longer than ${timeoutMs} ms`),
    );
  }

  private settle(reply: Reply): void {
    const pending = this.pending.get(reply.id);
    if (pending === undefined) return;
    this.pending.delete(reply.id);
    this.startTimer();
    if (this.pending.size === 0) this.keepParentAlive(false);
    if ("result" in reply) pending.resolve(reply.result as never);
    else pending.reject(new ModelOperationError(reply.error.code, reply.error.message, this.lastWords()));
  }

  private end(reason: unknown): void {
    if (this.ended) return;
    this.ended = { reason };
    this.options.signal?.removeEventListener("abort", this.abort);
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
    clearTimeout(this.timer);
  }

  private died(code: number | null, signal: NodeJS.Signals | null): ModelOperationError {
    const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
    const hint = signal === "SIGKILL" ? "; a system short of memory does that" : "";
    const words = decisiveLine(this.stderr.toString());
    const message = `The process for ${this.what()} ${how}${hint}${words ? `: ${words}` : ""}`;
    return new ModelOperationError("PROCESS_DIED", message, this.lastWords());
  }

  private lastWords(): { cause: unknown } | undefined {
    return this.stderr.byteLength === 0 ? undefined : { cause: this.stderr.toString() };
  }

  private what(): string {
    return [...this.labels].join(", ") || "models";
  }

  private keepParentAlive(alive: boolean): void {
    if (this.child) keepsParentAlive(this.child, alive);
  }
}

let spare: ChildProcess | undefined;

/**
 * Without the reports that onnxruntime sends to its makers on Linux and macOS since 1.29 unless told otherwise: they name the models
 * that are run, and keep an identifier of the machine. ORT_DISABLE_TELEMETRY=0 in the environment lets them be.
 */
function startChild(): ChildProcess {
  const child = fork(join(packageRoot(), CHILD), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: [],
    env: { ORT_DISABLE_TELEMETRY: "1", ...process.env },
  });
  keepsParentAlive(child, false);
  return child;
}

function keepsParentAlive(child: ChildProcess, alive: boolean): void {
  const method = alive ? "ref" : "unref";
  child[method]();
  child.channel?.[method]();
  (child.stderr as Socket)[method]();
}

/** An error of JavaScript, of V8, or that C++ did not catch, at the beginning of its line. */
const ERROR_LINE = /^(?:[\w.]*Error\b|FATAL ERROR:|terminate called|\s+what\(\):)/;
/** What follows it: where it happened, what it carries, and which Node this is. */
const AFTERWORD = /^(?:\s|[{}\]]|Node\.js v|$)/;

/** The line of a dead process's error output that says why it died: that of the last error, or else the last one that says anything. */
function decisiveLine(stderr: string): string | undefined {
  const lines = stderr.split("\n");
  const said =
    lines.findLast((line) => ERROR_LINE.test(line)) ?? lines.findLast((line) => !AFTERWORD.test(line));
  return said?.trim();
}
