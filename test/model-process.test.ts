import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { ModelProcess } from "../lib/runtime/model-process.js";
import { carried, digits } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const model = carried("digits_cnn.onnx");

it("gives each of several requests all of its time, from when its turn comes", async () => {
  await using models = await ModelProcess.start({ timeoutMs: 3000 });
  const session = await models.load(model);
  const feeds = { image: digits(1).image };
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const first = session.run(feeds);
    const second = models.time([session], feeds, { warmup: 0, rounds: 1e9, minMs: 1 });
    const ended = vi.fn();
    second.catch(ended);
    vi.advanceTimersByTime(2900);
    await first;
    vi.advanceTimersByTime(2900);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(200);
    await expect(second).rejects.toMatchObject({ code: "TIMEOUT" });
  } finally {
    vi.useRealTimers();
  }
});

it("keeps onnxruntime from reporting to its makers", async () => {
  const home = join(folder, "home");
  mkdirSync(home);
  vi.stubEnv("HOME", home);
  // Where these are set, onnxruntime reports nothing by itself.
  for (const name of ["ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME"])
    vi.stubEnv(name, undefined);
  try {
    await using models = await ModelProcess.start();
    await models.load(model);
    const cache = join(home, ".cache");
    expect(existsSync(cache) ? readdirSync(cache) : []).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});
