import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeSafetensors } from "../lib/index.js";
import { killWriters, WRITER } from "../scripts/kill-writers/kill.mjs";
import { generationOf, isLeftover, TARGETS } from "../scripts/kill-writers/targets.mjs";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { randomIntegers } from "./support/random.js";

const folder = temporaryFolder();
const base = join(folder, "base.onnx");
writeFileSync(
  base,
  modelFile(
    buildModel({
      nodes: [],
      initializers: ["a", "b"].map((name) => floats(name, [100_000], new Float32Array(100_000))),
    }),
  ),
);

describe.each(Object.entries(TARGETS))("%s", (format, target) => {
  const own = join(folder, format);
  mkdirSync(own);

  it("is the old file or the new one, whole, whenever its writer is killed", async () => {
    const random = randomIntegers(format.length);
    await killWriters(format, { folder: own, base, kills: 2, random });
    // What the killed ones left is no data of anybody.
    const others = readdirSync(own).filter((name) => name !== target.name && !isLeftover(name, target.name));
    expect(others).toEqual([]);
  });

  it.skipIf(process.platform === "win32")(
    "keeps the old file, and no other, when the disk takes no more",
    () => {
      const limited = join(own, "limited");
      mkdirSync(limited);
      const path = join(limited, target.name);
      const run = (limit: string, generation: string) => {
        const command = ["bash", process.execPath, WRITER, format, path, base, generation, generation];
        const args = ["-c", `ulimit -f ${limit}; exec "$@"`, ...command];
        return spawnSync("bash", args, { encoding: "utf8" }).stdout;
      };
      expect(run("unlimited", "7")).toBe("7\n");
      const before = readdirSync(limited);
      expect(run("200", "8")).toMatch(/^FILE_UNWRITABLE .*file.*would pass the size limit/);
      expect([readdirSync(limited), generationOf(path, target)]).toEqual([before, 7]);
    },
  );
});

it("removes what a killed writer of the same file left, once it is an hour old", async () => {
  const own = join(folder, "leftovers");
  mkdirSync(own);
  const names = [
    ".a.safetensors.123.0123abcd.tmp",
    ".a.safetensors.124.0123abce.tmp",
    ".b.safetensors.123.0123abcd.tmp",
  ];
  for (const name of names) writeFileSync(join(own, name), "half");
  const old = Date.now() / 1000 - 2 * 60 * 60;
  for (const name of [names[0]!, names[2]!]) utimesSync(join(own, name), old, old);
  await writeSafetensors(join(own, "a.safetensors"), {
    w: { dtype: "uint8", shape: [1], data: Uint8Array.of(1) },
  });
  expect(readdirSync(own).sort()).toEqual([names[1], names[2], "a.safetensors"]);
});
