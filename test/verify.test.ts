import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readGguf, type Tensor, verifyGguf, writeGguf, writeSafetensors } from "../lib/index.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomBitPatterns } from "./support/random.js";

const folder = temporaryFolder();
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const floats = (length: number, seed: number): Tensor => ({
  dtype: "float32",
  shape: [length],
  data: randomBitPatterns(length, seed),
});
const tensors = { "layer.0": floats(40, 1), "layer.1": floats(7, 2), "layer.2": floats(0, 3) };

function damageLastByte(path: string, from = 1): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - from]! ^= 1;
  writeFileSync(path, bytes);
}

describe("verifyGguf", () => {
  const path = join(folder, "model.gguf");
  const blocks = { type: "Q8_0", shape: [2, 32], data: new Uint8Array(68).fill(3) } as const;

  it("agrees with what was written, and names what was damaged", async () => {
    await writeGguf(path, { ...tensors, blocks }, { checksums: true });
    expect(await verifyGguf(path)).toEqual({
      ok: true,
      intact: [...Object.keys(tensors), "blocks"],
      damaged: [],
      unchecked: [],
      missing: [],
    });
    const steps: number[] = [];
    // The blocks are followed by 28 bytes of padding.
    damageLastByte(path, 29);
    const { ok, damaged } = await verifyGguf(path, {
      mmap: false,
      onProgress: ({ done }) => steps.push(done),
    });
    expect([ok, damaged.map(({ name }) => name)]).toEqual([false, ["blocks"]]);
    expect(steps).toEqual([160, 188, 188, 256]);
  });

  it("stops when it is told to", async () => {
    await expect(verifyGguf(path, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });

  it("says which tensors have no checksum; those of another file are not carried over", async () => {
    await writeGguf(path, tensors, { checksums: true });
    const other = join(folder, "other.gguf");
    await writeGguf(other, { w: floats(3, 4) }, { metadata: readGguf(path).metadata });
    expect(readGguf(other).metadata.size).toBe(0);
    expect(await verifyGguf(other)).toMatchObject({ ok: false, unchecked: ["w"], missing: [] });
  });
});

describe("modelpress verify", () => {
  const path = join(folder, "model.safetensors");
  const verify = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, "verify", ...args], {
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  it("exits with 0 for what is intact, of either format and in a set", async () => {
    const gguf = join(folder, "whole.gguf");
    await writeGguf(gguf, tensors, { checksums: true });
    const [index] = await writeSafetensors(path, tensors, { checksums: true, maxShardSize: 100 });
    await writeSafetensors(path, tensors, { checksums: true });
    for (const file of [path, index!, gguf]) {
      const { status, stdout, stderr } = verify(file);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/intact, 3 tensors agree/);
    }
  });

  it("exits with 1 and names the tensor that is damaged", async () => {
    await writeSafetensors(path, tensors, { checksums: true });
    damageLastByte(path);
    const { status, stdout } = verify(path);
    expect(status).toBe(1);
    expect(stdout).toBe("model.safetensors: 1 damaged, 2 intact\ndamaged    layer.1\n");
    const json = verify(path, "--json");
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      file: path,
      format: "safetensors",
      ok: false,
      intact: ["layer.0", "layer.2"],
      damaged: [{ name: "layer.1", expected: expect.stringMatching(/^float32 \[7\] [0-9a-f]{64}$/) }],
    });
  });

  it("exits with 1 where there is nothing to compare with, and where the file cannot be opened", async () => {
    await writeSafetensors(path, tensors);
    expect(verify(path)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/cannot be verified, it holds no checksums/),
    });
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(verify(path)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/layer\.1.*DATA_TRUNCATED/),
    });
  });

  it("exits with 2 for a format without checksums", () => {
    expect(verify(carried("digits_cnn.onnx"))).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/is onnx; only safetensors and GGUF/),
    });
  });
});
