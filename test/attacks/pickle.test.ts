import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it, test } from "vitest";
import { inspectPickle } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, Bytes, refusal } from "../support/refusal.js";
import { zip } from "../support/zip.js";

const path = join(temporaryFolder(), "hostile.pkl");
const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)));
const pickle = (text: string) => Buffer.from(`\x80\x04${text}`, "latin1");
const run = "cos\nsystem\n";

/** What is said of a pickle that cannot be followed to its end. Fails where that took much memory. */
const problem = (bytes: Uint8Array) => {
  writeFileSync(path, bytes);
  const before = process.memoryUsage();
  const summary = inspectPickle(path);
  const after = process.memoryUsage();
  expect(after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers).toBeLessThan(
    50_000_000,
  );
  return summary;
};

/** What each of these would hold, were all of it followed, takes hundreds of megabytes. */
test.each<[string, string]>([
  ["tuples in tuples", `N${"\x85".repeat(3_000_000)}`],
  ["tuples that are remembered", "N\x85\x940".repeat(700_000)],
  ["dicts that wait", "}".repeat(900_000)],
  ["dicts in dicts", `${"}N".repeat(400_000)}N${"s".repeat(400_000)}`],
  ["objects of objects", `${"ca\nb\n".repeat(200_000)}N${"\x81".repeat(200_000)}`],
  ["objects with states of states", `${"ca\nb\nNR".repeat(100_000)}N${"b".repeat(100_000)}`],
])("follows %s without keeping them", (_, operations) => {
  expect(problem(pickle(`${operations}.`)).problems).toEqual([]);
});

test.each<[string, Uint8Array, RegExp]>([
  ["no end", pickle(run), /ends without its last operation/],
  ["an unknown operation", pickle(`${run}\x00.`), /no operation 0x00/],
  ["an unknown protocol", pickle(`${run}\x80\x06.`), /protocol 6/],
  ["a text past the end", pickle(`${run}\x8c\xffabc`), /ends inside an operation/],
  ["a text of 4 GiB", pickle(`${run}X\xff\xff\xff\xffabc`), /ends inside an operation/],
  ["bytes of 2^64", pickle(`${run}\x8e\xff\xff\xff\xff\xff\xff\xff\xff`), /ends inside an operation/],
  ["a number cut short", pickle(`${run}J\x01`), /ends inside an operation/],
  ["a frame cut short", pickle(`${run}\x95\x01`), /ends inside an operation/],
  ["a line that does not end", pickle(`${run}cos`), /inside a line/],
  ["a name that does not end", pickle(`${run}cos\nsys`), /inside a line/],
  ["a value that is not there", pickle(`${run}00.`), /not there/],
  ["a call of nothing", pickle("R."), /not there/],
  ["a mark taken for a value", pickle(`${run}(R.`), /not there/],
  ["a mark that is not there", pickle(`${run}t.`), /mark/],
  ["an object of no class", pickle(`${run}(o.`), /no class/],
  ["a key without value", pickle(`${run}}(NNNu.`), /no value/],
  ["a value never remembered", pickle(`${run}h\x05.`), /never remembered/],
  ["a memory of 2^32", pickle(`${run}j\xff\xff\xff\xff.`), /never remembered/],
  ["a negative memory", pickle(`${run}p-1\n.`), /remembered value is none/],
  ["a memory that is text", pickle(`${run}gx\n.`), /remembered value is none/],
  ["a million values that wait", pickle(`${run}${"N".repeat(1_100_000)}`), /wait for what/],
  ["a million marks", pickle(`${run}${"(".repeat(1_100_000)}`), /wait for what/],
  [
    "an import of 20000 names",
    pickle(Array.from({ length: 20_000 }, (_, i) => `ca\n${i}\n0`).join("")),
    /10000 different/,
  ],
  [
    "a memory far off, and on",
    pickle(`N${Array.from({ length: 300_000 }, (_, i) => `r${four(99 + i)}`).join("")}`),
    /more values are remembered/,
  ],
])("says of a pickle with %s where it ends", (_, bytes, says) => {
  const { problems, imports, verdict } = problem(bytes);
  expect(problems).toEqual([expect.stringMatching(says)]);
  expect(verdict).toBe(imports.length > 0 ? "anything" : "unclear");
});

function four(value: number): string {
  return String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);
}

test.each<[string, string, RegExp]>([
  ["has no state", "N", /not clear/],
  ["has no shape", wrapped({ dtype: dtypeOf("f8") }), /not clear/],
  ["has a negative size", wrapped({ dtype: dtypeOf("f8"), shape: "J\xff\xff\xff\xff\x85" }), /not clear/],
  ["has a type that is none", wrapped({ dtype: "N", shape: "K\x01\x85" }), /not clear/],
  [
    "is larger than the file",
    wrapped({ dtype: dtypeOf("f8"), shape: "J\xff\xff\xff\x7f\x85" }),
    /ends inside an array/,
  ],
  [
    "is larger than anything",
    wrapped({ dtype: dtypeOf("f8"), shape: `(${"J\xff\xff\xff\x7f".repeat(60)}t` }),
    /ends inside an array/,
  ],
  [
    "holds itself",
    wrapped({ dtype: dtypeOf("O8"), shape: "K\x01\x85" }).repeat(9),
    /nested too deep|ends without/,
  ],
])("says of an array of joblib that %s where it ends", (_, state, says) => {
  const { problems, verdict } = problem(pickle(state.startsWith("\x8c") ? state : `${wrapper()}${state}b`));
  expect(problems).toEqual([expect.stringMatching(says)]);
  expect(verdict).toBe("unclear");
});

function text(value: string): string {
  return `\x8c${String.fromCharCode(value.length)}${value}`;
}
function wrapper(): string {
  return `${text("joblib.numpy_pickle")}${text("NumpyArrayWrapper")}\x93)\x81`;
}
function dtypeOf(code: string): string {
  return `${text("numpy")}${text("dtype")}\x93${text(code)}\x85R`;
}
function wrapped(state: Record<string, string>): string {
  const items = Object.entries(state).map(([key, value]) => `${text(key)}${value}`);
  return `${wrapper()}}(${items.join("")}ub`;
}

it("does not inflate bombs", () => {
  const bomb = Buffer.concat([pickle(""), Buffer.alloc(64_000_000, "N")]);
  for (const bytes of [deflateSync(bomb), gzipSync(bomb)])
    expect(problem(bytes)).toMatchObject({
      format: "pickle",
      verdict: "unclear",
      problems: [
        expect.stringMatching(/more than 16777216 bytes/),
        expect.stringMatching(/more values wait/),
      ],
    });
});

test.each<[string, Uint8Array, string]>([
  [
    "an archive of a bomb",
    zip([{ name: "data.pkl", data: new Uint8Array(100), method: 8, size: 2 ** 31 }]),
    "HEADER_TOO_LARGE",
  ],
  [
    "an archive that two readers see differently",
    zip([{ name: "a/data.pkl", data: pickle("N."), local: { name: "b/data.pkl" } }]),
    "HEADER_INVALID",
  ],
  [
    "an archive with a name twice",
    zip([
      { name: "data.pkl", data: pickle("N.") },
      { name: "data.pkl", data: pickle(`${run}.`) },
    ]),
    "HEADER_INVALID",
  ],
  [
    "an archive whose directory is cut off",
    zip([{ name: "data.pkl", data: pickle("N.") }]).subarray(0, -1),
    "DATA_TRUNCATED",
  ],
  [
    "safetensors whose length is the start of a pickle",
    new Bytes().u64(0x0280).text("{}".padEnd(0x280)).end(),
    "FORMAT_UNKNOWN",
  ],
  ["nothing", new Uint8Array(0), "FORMAT_UNKNOWN"],
])("refuses %s", (_, bytes, code) => {
  expect(attack(path, bytes, inspectPickle).code).toBe(code);
});

it.each(["joblib.joblib", "joblib-zlib.joblib", "torch.pt", "torch-legacy.pt"])(
  "meets damage of %s with a typed error or a summary, never anything else",
  (name) => {
    const original = fixture(name);
    const edit = fc.tuple(
      fc.nat(original.byteLength - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from("(.02bcegijopqrtuXR\x93\x94\xff\0", "latin1"))),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of edits) bytes[at] = value;
        writeFileSync(path, bytes);
        refusal(() => inspectPickle(path));
      }),
      { numRuns: 200, seed: 1 },
    );
  },
);

it("says of every part of a real file that it is one", () => {
  const whole = fixture("joblib.joblib");
  for (let length = 20; length < whole.byteLength; length += 7)
    expect(problem(whole.subarray(0, length)).problems).toHaveLength(1);
});
