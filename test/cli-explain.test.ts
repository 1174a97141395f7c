import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "./support/folder.js";
import { richReport } from "./support/report.js";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = temporaryFolder();

const report = richReport();
const [first, second] = report.layers;
const reason = `because \u202e${"of this and that ".repeat(100)}`;
first!.reason = reason;
writeFileSync(join(folder, "report.json"), JSON.stringify(report));

function explain(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "explain", folder, ...args], {
    encoding: "utf8",
  });
  expect(status).toBe(0);
  return stdout;
}

it("explain lists every node with its reason on the line below it, a long one cut", () => {
  const lines = explain().split("\n");
  const at = lines.findIndex((line) => line.startsWith(`${second!.name} `));
  expect(lines[at + 1]).toBe(`    ${second!.reason}`);
  const cut = lines[at - 1]!;
  expect(cut).toMatch(/^ {4}because \\u\{202e\}of this and that .*\.\.\.$/);
  expect(cut.length).toBeLessThan(420);
});

it("explain of one node, and --json, tell the reason whole", () => {
  expect(explain(first!.name)).toContain(reason.replace("\u202e", "\\u{202e}").trimEnd());
  expect(JSON.parse(explain(first!.name, "--json")).layer.reason).toBe(reason);
  expect(JSON.parse(explain("--json")).layers[0].reason).toBe(reason);
});
