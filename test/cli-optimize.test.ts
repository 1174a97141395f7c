import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { ProgressLine } from "../lib/cli/progress-line.js";
import { SearchDisplay } from "../lib/cli/search-display.js";
import { type OptimizeEvent, readReport, renderReport } from "../lib/index.js";
import { carried, writeDigits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const data = join(folder, "digits.safetensors");
const output = join(folder, "best");
beforeAll(() => writeDigits(data, 100));

function start(...options: string[]): ChildProcess {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const common = ["optimize", carried("digits_cnn.onnx"), "-o", output, "--data", data, "--labels", "y"];
  return spawn(process.execPath, [main, ...common, ...options]);
}

async function finish(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]!.setEncoding("utf8").on("data", (text) => {
      texts[name] += text;
    });
  const [code] = await once(child, "close");
  return { code, ...texts };
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("modelpress optimize", () => {
  it("is interrupted without loss, and says how to go on", async () => {
    const child = start("--json");
    const done = finish(child);
    let seen = "";
    child.stdout!.on("data", (text) => {
      seen += text;
      // Once: the second time the process is gone at once.
      if (!child.killed && seen.includes('"event":"trial"')) child.kill("SIGINT");
    });
    const { code, stdout, stderr } = await done;
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
    const events = linesOf(stdout);
    const trials = events.filter(({ event }) => event === "trial") as { trial: { id: string } }[];
    const kept = trials.length === 1 ? "1 trial" : `${trials.length} trials`;
    expect(events.at(-1)).toEqual({
      error: {
        code: "INTERRUPTED",
        message: `interrupted: ${kept} kept in ${output}; the same command goes on from there`,
      },
    });
    const left = readdirSync(join(output, "trials"));
    expect(left.sort()).toEqual(trials.map(({ trial }) => trial.id).sort());
    for (const id of left) expect(existsSync(join(output, "trials", id, "trial.json"))).toBe(true);
  });

  it("streams what it does as lines of JSON, the result last", async () => {
    const { code, stdout, stderr } = await finish(start("--json", "--budget", "1s"));
    const events = linesOf(stdout);
    expect(stderr).toBe("");
    expect(events.map(({ event }) => event)).toEqual([
      "start",
      "begin",
      "trial",
      "front",
      "end",
      "gate",
      "result",
    ]);
    expect(events[0]).toMatchObject({
      model: "digits_cnn.onnx",
      metric: "top-1",
      maxDrop: 0.003,
      budgetSeconds: 1,
    });
    expect(events[1]).toMatchObject({
      label: "int8 static",
      number: 1,
      after: 3,
      secondsLeft: { most: expect.any(Number) },
    });
    const { report, model } = events.at(-1) as { report: { verdict: { good: boolean } }; model?: string };
    expect(code).toBe(report.verdict.good ? 0 : 3);
    expect(model !== undefined).toBe(report.verdict.good);
    const page = readFileSync(join(output, "report.html"), "utf8");
    expect(renderReport(readReport(join(output, "report.json")))).toBe(page);
  });

  it("prints a line for each trial on stderr and the result on stdout where nobody watches", async () => {
    const { stdout, stderr } = await finish(start("--budget", "1s"));
    expect(stderr).toMatch(/^int8 static: top-1 \d\.\d{4}, \d+\.\d\dx as fast, \d+ kB\n$/);
    expect(stdout).toMatch(/samples to calibrate, \d+ to choose and \d+ to judge by; the budget was spent/);
    for (const control of ["\r", "\x1b"]) expect(stdout + stderr).not.toContain(control);
  });

  it("prints nothing but the result with --quiet", async () => {
    const { stdout, stderr } = await finish(start("--budget", "1s", "--quiet"));
    expect(stderr).toBe("");
    expect(stdout).toContain("int8 static");
  });
});

describe("SearchDisplay", () => {
  it("shows on one line of a terminal what is tried and how long it may take", () => {
    const written: string[] = [];
    const stream = {
      columns: 120,
      write: (text: string) => written.push(text),
    } as unknown as NodeJS.WriteStream;
    const display = new SearchDisplay(new ProgressLine(stream, true), {});
    const begin = { event: "begin", label: "float16", number: 3, after: 2 } as const;
    display.event({ ...begin, secondsLeft: { most: 250.5 } });
    display.progress({ stage: "judge", done: 64 });
    display.event({ ...begin, number: 4, secondsLeft: { expected: 42.9, most: 240.9 } });
    display.progress({ stage: "judge", done: 1, total: 2 });
    expect(written.map((text) => text.replace("\r\x1b[2K", ""))).toEqual([
      "trial 3 of 5 or more, at most 4:10 left, float16, judge  64",
      "trial 4 of 6 or more, 0:42 left, at most 4:00, float16, judge  [############------------] 1/2",
    ]);
  });

  it("wipes that line away before it prints one that stays", () => {
    const written: string[] = [];
    const stream = {
      columns: 120,
      write: (text: string) => written.push(text),
    } as unknown as NodeJS.WriteStream;
    const display = new SearchDisplay(new ProgressLine(stream, true), {});
    const { trials } = JSON.parse(readFileSync(join(output, "report.json"), "utf8"));
    display.progress({ stage: "judge", done: 64 });
    display.event({ event: "trial", trial: trials[0] } satisfies OptimizeEvent);
    expect(written.slice(1)).toEqual(["\r\x1b[2K", expect.stringMatching(/^int8 static: .*\n$/)]);
  });
});
