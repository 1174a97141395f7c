import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

// Runs twice, so that a buffer is given back in between.
const SOURCE = `
  import { quantizeBlockwise, quantizeLinear } from "modelpress";
  const x = new Float32Array(9 << 20).map((_, i) => i % 200);
  for (let round = 0; round < 2; round++) {
    for (const q of [quantizeLinear(x, { scale: 2 }), quantizeBlockwise(x, { rows: 3072, cols: 3072 }).packed]) {
      const copy = structuredClone(q);
      console.log(copy.length, copy.at(-1), copy.reduce((sum, value) => sum + value, 0));
    }
    globalThis.gc();
  }`;

test("huge pages change no result", () => {
  const run = (value: string) => {
    const args = ["--expose-gc", "--input-type=module", "--eval", SOURCE];
    const env = { ...process.env, MODELPRESS_HUGE_PAGES: value };
    return spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  };
  const [plain, huge] = [run("0"), run("1")];
  expect(huge).toMatchObject({ status: 0, stderr: "", stdout: plain.stdout });
  expect(plain.stdout.split("\n")).toHaveLength(5);
});
