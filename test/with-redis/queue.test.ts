import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { optimizeModel, type Report } from "../../lib/index.js";
import { carried, writeDigits } from "../support/digits.js";
import { temporaryFolder } from "../support/folder.js";

const folder = temporaryFolder();
const cnn = carried("digits_cnn.onnx");
const data = join(folder, "digits.safetensors");
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const running = new Set<ChildProcess>();
let queue: string;

function start(command: string, ...args: string[]): ChildProcess {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.on("close", () => running.delete(child));
  return child;
}

/** Resolves when the process has printed the text. */
async function prints(child: ChildProcess, text: string): Promise<void> {
  let printed = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (chunk) => {
      printed += chunk;
    });
  while (!printed.includes(text)) {
    if (child.exitCode !== null) throw new Error(`it ended before it printed ${text}: ${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** What does not depend on who ran the trials, nor on times. */
function outcome({ trials }: Report) {
  return trials.map(({ id, label, status, sizeBytes, metrics }) => ({
    id,
    label,
    status,
    sizeBytes,
    metrics,
  }));
}

function search(name: string, budgetSeconds: number, withQueue: boolean): Promise<Report> {
  const options = { output: join(folder, name), data, labels: "y", budgetSeconds };
  return optimizeModel(cnn, { ...options, ...(withQueue && { queue }) }).then(({ report }) => report);
}

beforeAll(async () => {
  await writeDigits(data);
  const port = await freePort();
  queue = `redis://127.0.0.1:${port}`;
  const server = start("redis-server", "--port", String(port), "--save", "", "--appendonly", "no");
  await prints(server, "Ready to accept connections");
}, 60_000);
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

describe("a search on a queue", () => {
  it("finds with two workers what one process finds, though a worker is killed in the middle", async () => {
    const [first, second] = [
      start(process.execPath, cli, "worker", "--queue", queue),
      start(process.execPath, cli, "worker", "--queue", queue),
    ];
    const begun = Promise.race(
      [first, second].map((worker) => prints(worker!, ": begun").then(() => worker!)),
    );
    const found = search("with queue", 600, true);
    (await begun).kill("SIGKILL");
    const alone = await search("alone", 600, false);
    expect(outcome(await found)).toEqual(outcome(alone));
  }, 300_000);

  it("says that there is no server", async () => {
    const port = await freePort();
    const lost = optimizeModel(cnn, {
      output: join(folder, "lost"),
      data,
      queue: `redis://127.0.0.1:${port}`,
    });
    await expect(lost).rejects.toMatchObject({ code: "QUEUE_FAILED" });
  }, 60_000);
});
