import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, test } from "vitest";
import { replaceFile } from "../lib/files/replace-file.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();

it("gathers pieces in order, more than one call of the system takes", async () => {
  const path = join(folder, "pieces");
  const pieces = Array.from({ length: 3000 }, (_, i) => Uint8Array.of(i, i >> 8));
  await replaceFile(path, async (file) => {
    await file.write(pieces);
    await file.write([]);
    await file.write(new Uint8Array());
    expect(file.length).toBe(6000);
  });
  expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
});

it("writes all of what goes to the disk while it is written", async () => {
  const path = join(folder, "behind");
  const part = Uint8Array.from({ length: 9_000_001 }, (_, i) => (i * 7) >> 3);
  await replaceFile(path, async (file) => {
    for (let i = 0; i < 5; i++) await file.write(part);
  });
  expect(readFileSync(path).equals(Buffer.concat([part, part, part, part, part]))).toBe(true);
});

it("keeps the old file, and leaves no other, when writing fails in the middle", async () => {
  const path = join(folder, "kept");
  writeFileSync(path, "old");
  const work = replaceFile(path, async (file) => {
    await file.write(new Uint8Array(100_000));
    throw new Error("no more");
  });
  await expect(work).rejects.toThrow("no more");
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder).filter((name) => name.includes("kept"))).toEqual(["kept"]);
});

it.each([true, false])("stops in the middle of a large piece, and leaves nothing; sync %s", async (sync) => {
  const path = join(folder, "stopped");
  const stop = new AbortController();
  const large = new Uint8Array(200 * 1024 * 1024);
  const work = replaceFile(path, (file) => file.write(large), { sync, signal: stop.signal });
  // By then the first part is on its way, and the others are not.
  const watch = setInterval(() => {
    if (readdirSync(folder).some((name) => name.includes("stopped"))) stop.abort(new Error("enough"));
  }, 1);
  await expect(work).rejects.toThrow("enough");
  clearInterval(watch);
  expect(readdirSync(folder).filter((name) => name.includes("stopped"))).toEqual([]);
});

it("makes the folder that is missing, and removes it again where the file cannot be written", async () => {
  const path = join(folder, "made", "for", "file");
  const fail = (): Promise<void> => Promise.reject(new Error("no"));
  const failing = replaceFile(path, fail);
  await expect(failing).rejects.toThrow("no");
  expect(existsSync(join(folder, "made"))).toBe(false);
  await replaceFile(path, (file) => file.write(Buffer.from("new")));
  expect(readFileSync(path, "utf8")).toBe("new");
  const beside = replaceFile(join(folder, "made", "too", "file"), fail);
  await expect(beside).rejects.toThrow("no");
  expect(readdirSync(join(folder, "made"))).toEqual(["for"]);
});

it.runIf(existsSync("/proc/self"))("refuses a place that takes no folder", async () => {
  const work = replaceFile("/proc/none/file", (file) => file.write(Buffer.from("new")));
  await expect(work).rejects.toMatchObject({ code: "FILE_UNWRITABLE", path: "/proc/none/file" });
});

it.skipIf(process.platform === "win32")(
  "leaves pipes, devices and links to them in their place, and asks for no byte",
  async () => {
    const pipe = join(folder, "pipe");
    const link = join(folder, "link");
    const ask = (): Promise<void> => Promise.reject(new Error("asked"));
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    symlinkSync("/dev/null", link);
    for (const path of [pipe, link]) {
      const { ino } = lstatSync(path);
      const work = replaceFile(path, ask);
      await expect(work).rejects.toMatchObject({ code: "FILE_UNWRITABLE", path });
      await expect(work).rejects.toThrow(/a pipe or a device, not a file/);
      expect(lstatSync(path).ino).toBe(ino);
    }
  },
);

it.skipIf(process.platform === "win32")("takes the place of a link, not of what it names", async () => {
  const [named, link] = [join(folder, "named"), join(folder, "link to named")];
  writeFileSync(named, "old");
  symlinkSync(named, link);
  await replaceFile(link, (file) => file.write(Buffer.from("new")));
  expect([readFileSync(named, "utf8"), readFileSync(link, "utf8")]).toEqual(["old", "new"]);
  expect(lstatSync(link).isFile()).toBe(true);
});

it("writes names as long as the system takes them", async () => {
  const path = join(folder, "長".repeat(85));
  await replaceFile(path, (file) => file.write(Buffer.from("new")));
  expect(readFileSync(path, "utf8")).toBe("new");
});

mkdirSync(join(folder, "a-folder", "inside"), { recursive: true });
writeFileSync(join(folder, "a-file"), "");
test.each([
  ["a file in place of the folder", "a-file/file", /its folder is a file/],
  ["a folder in place of the file", "a-folder", /a-folder.*it is a folder/],
  ["a name that is too long", "x".repeat(300), /xxx.*name or path is too long/],
])("%s is named, not the temporary file", async (_, name, message) => {
  const work = replaceFile(join(folder, name), (file) => file.write(new Uint8Array(1)));
  await expect(work).rejects.toThrow(expect.objectContaining({ code: "FILE_UNWRITABLE" }));
  await expect(work).rejects.toThrow(message);
  await expect(work).rejects.not.toThrow(/\.tmp/);
});

it.skipIf(process.platform === "win32")("writes into a folder that may not be listed", () => {
  const closed = join(folder, "closed");
  mkdirSync(closed);
  chmodSync(folder, 0o755);
  chmodSync(closed, 0o333);
  const built = (name: string) => JSON.stringify(new URL(`../build/lib/${name}.js`, import.meta.url).href);
  const model = fileURLToPath(new URL("../models/digits_cnn.onnx", import.meta.url));
  const script = `
    const { readOnnx, writeOnnx } = await import(${built("index")});
    const model = readOnnx(${JSON.stringify(model)});
    // Root may list every folder.
    if (process.geteuid() === 0) process.seteuid(65534);
    await writeOnnx(${JSON.stringify(join(closed, "model.onnx"))}, model);`;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(stderr).toBe("");
  chmodSync(closed, 0o755);
  expect(readdirSync(closed)).toEqual(["model.onnx"]);
});

it.skipIf(process.platform === "win32")("a file past the size limit says so and is not left behind", () => {
  const limited = join(folder, "limited");
  mkdirSync(limited);
  chmodSync(limited, 0o777);
  const script = `
    process.on("SIGXFSZ", () => {});
    const { replaceFile } = await import(${JSON.stringify(new URL("../build/lib/files/replace-file.js", import.meta.url).href)});
    await replaceFile(${JSON.stringify(join(limited, "big"))}, (file) => file.write(new Uint8Array(3_000_000)))
      .catch((error) => console.log(error.code, error.message));`;
  const { stdout } = spawnSync(
    "bash",
    ["-c", 'ulimit -f 1000; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    { encoding: "utf8" },
  );
  expect(stdout).toMatch(/FILE_UNWRITABLE .*would pass the size limit/);
  expect(readdirSync(limited)).toEqual([]);
});
