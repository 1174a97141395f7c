import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, test } from "vitest";
import { carried, writeDigits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { identityModel } from "./support/identity-model.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = temporaryFolder();
const cnn = carried("digits_cnn.onnx");
const vit = carried("digits_vit.onnx");
const data = join(folder, "digits #%é.safetensors");
beforeAll(() => writeDigits(data));

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: string[], main = join(root, "dist/cli/main.js"), cwd = folder, env = {}): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, ...env } });
}

async function finish(child: ChildProcess): Promise<Result> {
  let stdout = "";
  let stderr = "";
  child.stdout!.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr!.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

function modelpress(args: string[], env = {}): Promise<Result> {
  return finish(start(args, undefined, undefined, env));
}

describe("help", () => {
  it("lists the verbs, examples and exit codes", async () => {
    const { code, stdout, stderr } = await modelpress(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const text of ["compare", "bench", "Examples:", "3 gate not met"]) expect(stdout).toContain(text);
  });

  it.each([
    ["compare", "--help"],
    ["help", "compare"],
  ])("of a verb: %s %s", async (...args) => {
    const { code, stdout } = await modelpress(args);
    expect(code).toBe(0);
    for (const text of [
      "--data",
      "--labels",
      "--max-drop",
      "--json",
      "--threads",
      "--quiet",
      "$ modelpress compare",
    ])
      expect(stdout).toContain(text);
  });

  it("is shown on stderr, with 2, where no verb is given", async () => {
    const { code, stdout, stderr } = await modelpress([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: modelpress");
  });

  it("--version is that of the package", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await modelpress(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

describe("wrong usage exits with 2 and one line", () => {
  test.each<[string[], RegExp]>([
    [["compar", cnn, vit], /unknown command 'compar'.*Did you mean compare/],
    [["compare", cnn, vit, "--lables", "y"], /unknown option '--lables'.*Did you mean --labels/],
    [["compare", cnn], /missing required argument 'candidate'/],
    [["compare", cnn, vit, "more"], /too many arguments/],
    [["compare", cnn, vit, "--labels", "y"], /--labels needs --data/],
    [["compare", cnn, vit, "--max-drop", "0.1"], /--max-drop needs labelled data/],
    [["compare", cnn, vit, "--max-drop", "2"], /number from 0 to 1/],
    [["bench", cnn, "--runs", "many"], /integer from 1/],
    [["bench", cnn, "--threads", "0"], /integer from 1/],
  ])("%j", async (args, says) => {
    const { code, stdout, stderr } = await modelpress(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stderr).toMatch(says);
  });

  it("and as JSON on stdout with --json", async () => {
    const { code, stdout, stderr } = await modelpress(["bench", cnn, "--runs", "many", "--json"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "USAGE", message: expect.stringMatching(/--runs/) },
    });
  });
});

describe("compare", () => {
  const labelled = ["--data", data, "--labels", "y", "--no-latency"];

  it("prints the verdict first, then the figures in columns", async () => {
    const { code, stdout, stderr } = await modelpress(["compare", cnn, vit, "--data", data, "--labels", "y"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^digits_vit\.onnx: accuracy -0\.63 pt, size -18\.2 %, \d+\.\d\dx as fast$/);
    expect(lines[3]).toMatch(/^size +1\.05 MB +858 kB +-18\.2 %$/);
    expect(lines[4]).toMatch(/^accuracy +99\.62 % +99\.00 % +-0\.63 pt$/);
    expect(stdout).toMatch(/^logits +0\.\d{6} +\d+\.\d dB/m);
    expect(stdout).toMatch(/797 samples, given; 1 thread; \d+ runs/);
  });

  it("prints one JSON object with --json and nothing else", async () => {
    const { code, stdout, stderr } = await modelpress(["compare", cnn, cnn, ...labelled, "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      reference: cnn,
      candidate: cnn,
      samples: 797,
      accuracy: { reference: 794 / 797, correct: { candidate: 794 } },
      agreement: 1,
      outputs: [{ name: "logits", sqnrDb: null, exact: true }],
    });
  });

  it("exits with 3 when accuracy drops by more than the gate allows, and not when it equals it", async () => {
    const drop = 5 / 797;
    const met = await modelpress(["compare", cnn, vit, ...labelled, "--max-drop", String(drop)]);
    expect(met.code).toBe(0);
    expect(met.stdout).toMatch(/^PASS /);
    const missed = await modelpress([
      "compare",
      cnn,
      vit,
      ...labelled,
      "--max-drop",
      String(drop - 1e-6),
      "--json",
    ]);
    expect(missed.code).toBe(3);
    expect(JSON.parse(missed.stdout).gate).toMatchObject({ met: false });
  });

  it("shows what could steer a terminal as its code point", async () => {
    const name = "x\u001b[31m\u202e";
    const path = join(folder, "names\u001b[2J.onnx");
    writeFileSync(path, identityModel([{ name, dtype: "float32", shape: [1, 2] }]));
    const { code, stdout } = await modelpress(["compare", path, path, "--no-latency"]);
    expect(code).toBe(0);
    expect(stdout).toContain("out_x\\u{1b}[31m\\u{202e}");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const failed = await modelpress(["bench", `${path}\nnone`]);
    expect(failed.stderr).toMatch(/^error: [^\p{Cc}]*\n$/u);
  });

  it("colours only where it is wanted", async () => {
    const args = ["compare", cnn, cnn, "--no-latency", "--samples", "1"];
    expect((await modelpress(args, { FORCE_COLOR: "1" })).stdout).toContain("\u001b[");
    for (const env of [{ NO_COLOR: "1" }, { CI: "true" }, {}])
      expect((await modelpress(args, { FORCE_COLOR: undefined, ...env })).stdout).not.toContain("\u001b[");
  });
});

describe("bench", () => {
  it("prints the time of one run, and all figures as JSON", async () => {
    const plain = await modelpress(["bench", cnn, "--runs", "20"]);
    expect(plain).toMatchObject({ code: 0, stderr: "" });
    expect(plain.stdout).toMatch(/^digits_cnn\.onnx: \d+(\.\d+)? ms per run\n/);
    const { stdout } = await modelpress([
      "bench",
      cnn,
      "--runs",
      "20",
      "--threads",
      "2",
      "--data",
      data,
      "--json",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      model: cnn,
      runs: 20,
      threads: 2,
      data: "given",
      inputs: { image: [1, 1, 28, 28] },
    });
  });
});

describe("failure exits with 1", () => {
  it("and one line without a stack, which DEBUG=modelpress adds", async () => {
    const args = ["compare", cnn, join(folder, "none.onnx")];
    const plain = await modelpress(args);
    expect(plain).toMatchObject({ code: 1, stdout: "" });
    expect(plain.stderr).toMatch(/^error: .*none\.onnx: .*\(FILE_UNREADABLE\)\n$/);
    expect((await modelpress(args, { DEBUG: "modelpress" })).stderr).toMatch(/\n {4}at /);
  });

  it("and the error as JSON with --json", async () => {
    const { code, stdout, stderr } = await modelpress([
      "compare",
      cnn,
      vit,
      "--data",
      data,
      "--labels",
      "z",
      "--json",
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "DATA_MISMATCH", message: expect.stringMatching(/z: .*holds image, y/) },
    });
  });

  it("and the line that installs onnxruntime where it is missing", async () => {
    const place = join(folder, "without");
    mkdirSync(join(place, "node_modules"), { recursive: true });
    cpSync(join(root, "dist"), join(place, "dist"), { recursive: true });
    cpSync(join(root, "package.json"), join(place, "package.json"));
    for (const name of readdirSync(join(root, "node_modules")))
      if (!name.startsWith("onnxruntime"))
        symlinkSync(join(root, "node_modules", name), join(place, "node_modules", name));
    const { code, stderr } = await finish(start(["bench", cnn], join(place, "dist/cli/main.js"), place));
    expect(code).toBe(1);
    expect(stderr).toContain("ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node");
    expect(stderr).toContain("(RUNTIME_MISSING)");
  });
});

describe("the surroundings", () => {
  it("a reader that closes the pipe ends it quietly", async () => {
    const child = start(["--help"]);
    child.stdout!.destroy();
    let stderr = "";
    child.stderr!.on("data", (text) => {
      stderr += text;
    });
    expect(await once(child, "close")).toEqual([0, null]);
    expect(stderr).toBe("");
  });

  it.runIf(process.platform === "linux").each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s ends it with %d, one line, and no process left behind", async (signal, exitCode) => {
    const child = start(["bench", cnn, "--runs", "100000000"]);
    const done = finish(child);
    const modelProcesses = await childrenOf(child.pid!);
    await delay(300);
    child.kill(signal);
    expect(await done).toEqual({ code: exitCode, stdout: "", stderr: "error: interrupted (INTERRUPTED)\n" });
    for (const pid of modelProcesses) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

/** Waits until a process has children, and returns their ids. */
async function childrenOf(pid: number): Promise<number[]> {
  for (;;) {
    const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (ids !== "") return ids.split(" ").map(Number);
    await delay(20);
  }
}
