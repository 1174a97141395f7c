import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readGguf, readOnnx, readSafetensors, type Tensor, writeSafetensors } from "../lib/index.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { randomIntegers } from "./support/random.js";

const folder = temporaryFolder();
const script = fileURLToPath(new URL("support/generations.mjs", import.meta.url));
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

type Open = (path: string) => { tensors: ReadonlyMap<string, Pick<Tensor, "data">>; close(): void };
const formats: [string, Open][] = [
  ["safetensors", readSafetensors],
  ["gguf", readGguf],
  ["onnx", readOnnx],
  ["onnx with external data", readOnnx],
];

/** The number that all values of all tensors are. */
function generationOf(path: string, open: Open): number {
  const file = open(path);
  const values = new Set(
    [...file.tensors.values()].flatMap(({ data }) => [...new Set(data as Float32Array)]),
  );
  file.close();
  expect([...values]).toHaveLength(1);
  return [...values][0]!;
}

const isTemporary = (name: string) => name.startsWith(".") && name.endsWith(".tmp");

describe.each(formats)("%s", (format, open) => {
  const own = join(folder, format);
  const path = join(own, "file");
  mkdirSync(own);

  it("is the old file or the new one, whole, whenever its writer is killed", async () => {
    const random = randomIntegers(format.length);
    let generation = 0;
    for (let kill = 0; kill < 5; kill++) {
      const child = spawn(process.execPath, [script, format, path, base, String(generation + 1)]);
      await once(child.stdout, "data");
      await delay(random() % 60);
      child.kill("SIGKILL");
      await once(child, "close");
      const found = generationOf(path, open);
      expect(found).toBeGreaterThan(generation);
      generation = found;
    }
    // What the killed ones left is no data of anybody.
    const others = readdirSync(own).filter((name) => name !== "file" && !isTemporary(name));
    for (const name of others) expect(name).toMatch(/^file\.[0-9a-f]{16}\.data$/);
  });

  it.skipIf(process.platform === "win32")(
    "keeps the old file, and no other, when the disk takes no more",
    () => {
      const limited = join(own, "limited");
      mkdirSync(limited);
      const target = join(limited, "file");
      const run = (limit: string, first: number) =>
        spawnSync(
          "bash",
          [
            "-c",
            `ulimit -f ${limit}; exec "$@"`,
            "bash",
            process.execPath,
            script,
            format,
            target,
            base,
            `${first}`,
            `${first}`,
          ],
          { encoding: "utf8" },
        ).stdout;
      expect(run("unlimited", 7)).toBe("7\n");
      const before = readdirSync(limited);
      expect(run("500", 8)).toMatch(/^FILE_UNWRITABLE .*file.*would pass the size limit/);
      expect([readdirSync(limited), generationOf(target, open)]).toEqual([before, 7]);
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
