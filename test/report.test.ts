import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { readReport } from "../lib/optimize/read-report.js";
import { type Report, reportSchema } from "../lib/optimize/report.js";
import { renderReport } from "../lib/report/render-report.js";
import { codeOf } from "./support/code-of.js";
import { temporaryFolder } from "./support/folder.js";
import { HOSTILE_NAMES, hostileReport, refusedReport, richReport } from "./support/report.js";

const folder = temporaryFolder();
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

function written(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The report that lies in a page. */
function embedded(page: string): Report {
  const start = '<script type="application/json" id="report">';
  const from = page.indexOf(start) + start.length;
  return JSON.parse(page.slice(from, page.indexOf("</script>", from)));
}

describe("report.json", () => {
  test.each([
    ["rich", richReport()],
    ["refused", refusedReport()],
    ["hostile", hostileReport()],
  ])("%s: is read as it was written", (name, report) => {
    expect(readReport(written(`${name}.json`, JSON.stringify(report)))).toEqual(report);
  });

  test.each([
    ["no JSON", "{", "it is no JSON"],
    ["another version", JSON.stringify({ ...richReport(), version: 2 }), "version 1"],
    ["a field that is missing", JSON.stringify({ ...richReport(), goal: undefined }), "goal"],
    ["NaN", JSON.stringify(richReport()).replace(/"medianMs":[\d.]+/, '"medianMs":null'), "medianMs"],
    ["a negative size", JSON.stringify(richReport()).replace(/"sizeBytes":/, '"sizeBytes":-'), "sizeBytes"],
    ["a list", "[]", "no report"],
  ])("refuses %s", (_name, content, said) => {
    const path = written("bad.json", content);
    expect(codeOf(() => readReport(path))).toBe("REPORT_INVALID");
    expect(() => readReport(path)).toThrow(said);
  });

  it("refuses a file that is not there", () => {
    expect(codeOf(() => readReport(join(folder, "none.json")))).toBe("FILE_UNREADABLE");
  });
});

describe("renderReport", () => {
  test.each([
    ["rich", richReport()],
    ["refused", refusedReport()],
    ["hostile", hostileReport()],
  ])("%s: the page holds the report whole, and loads nothing", (_name, report) => {
    const page = renderReport(report);
    expect(reportSchema.parse(embedded(page))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(page).toContain("default-src 'none'");
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toMatch(/<(link|img|iframe|base)\b/);
  });

  test.each(HOSTILE_NAMES.map((name) => [name]))(
    "%# a hostile name stays inside the JSON and the title",
    (name) => {
      const report = richReport();
      report.model.name = name;
      report.verdict.line = name;
      const page = renderReport(report);
      expect(embedded(page).model.name).toBe(name);
      expect(page.match(/<script/g)).toHaveLength(2);
      const [title] = page.match(/<title>[^<]*<\/title>/) ?? [];
      expect(title).toBeDefined();
    },
  );

  it("is the same for the same report", () => {
    expect(renderReport(richReport())).toBe(renderReport(richReport()));
  });
});

describe("modelpress report", () => {
  it("writes the page beside the report, or where it is told to", () => {
    const path = written("out.json", JSON.stringify(richReport()));
    execFileSync(process.execPath, [main, "report", path]);
    const page = readFileSync(join(folder, "out.html"), "utf8");
    expect(page).toBe(renderReport(richReport()));
    const other = join(folder, "other.html");
    const json = JSON.parse(
      execFileSync(process.execPath, [main, "report", path, "-o", other, "--json"], { encoding: "utf8" }),
    );
    expect(json).toEqual({ report: path, output: other, bytes: Buffer.byteLength(page), good: true });
    expect(readFileSync(other, "utf8")).toBe(page);
  });

  it("says what is wrong, and writes nothing", () => {
    const path = written("wrong.json", JSON.stringify({ version: 1 }));
    const { status, stderr } = spawnSync(process.execPath, [main, "report", path], { encoding: "utf8" });
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("REPORT_INVALID"),
    });
    expect(existsSync(join(folder, "wrong.html"))).toBe(false);
  });

  it("does not overwrite the report", () => {
    const path = written("same.json", JSON.stringify(richReport()));
    const { status } = spawnSync(process.execPath, [main, "report", path, "-o", path], { encoding: "utf8" });
    expect(status).toBe(2);
    expect(readReport(path)).toEqual(richReport());
  });
});
