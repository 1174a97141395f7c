import { inspect } from "node:util";
import { ProgressLine } from "./progress-line.js";
import { printable } from "./table.js";
import { EXIT, type SharedOptions, UsageError, type Verb } from "./verb.js";

/** Shells report a process that a signal ended as 128 and its number. */
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

class Interrupted extends Error {
  readonly code = "INTERRUPTED";
  constructor(readonly exitCode: number) {
    super("interrupted");
  }
}

/** Runs a verb and prints what it gives. Resolves to the exit code; never rejects. */
export async function execute(verb: Verb, operands: string[], options: SharedOptions): Promise<number> {
  const controller = new AbortController();
  for (const [name, exitCode] of Object.entries(SIGNAL_EXIT))
    process.on(name, () => {
      // The second time somebody is in a hurry.
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort(new Interrupted(exitCode));
    });
  const line = new ProgressLine(process.stderr, process.stderr.isTTY && !options.quiet && !options.json);
  try {
    const context = { signal: controller.signal, onProgress: line.update, line };
    const { json, text, exitCode = 0 } = await verb.run(operands, options, context);
    line.clear();
    await print(options.json ? JSON.stringify(json) : text);
    return exitCode;
  } catch (error) {
    line.clear();
    return await reportError(error, options.json ?? false);
  }
}

/** Prints one line for an error, or its JSON, and returns the exit code that goes with it. */
export async function reportError(error: unknown, json: boolean): Promise<number> {
  const { message, code } = error as { message?: string; code?: string };
  const text = message ?? String(error);
  if (json) await print(JSON.stringify({ error: { code: code ?? "FAILED", message: text } }));
  else {
    const line = printable(text.trim().replaceAll(/\s*\n\s*/g, "; "));
    process.stderr.write(`error: ${line}${code && !(error instanceof UsageError) ? ` (${code})` : ""}\n`);
  }
  if (process.env.DEBUG === "modelpress") process.stderr.write(`${inspect(error)}\n`);
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** Resolves when the text has left the process, so that exiting cannot cut it. */
async function print(text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    // A write that fails is an error event of stdout, which main.ts answers.
    process.stdout.write(`${text}\n`, () => resolve());
  });
}
