import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import { describe, expect, it, test } from "vitest";
import { z } from "zod/mini";
import { type Report, reportSchema } from "../lib/optimize/report.js";
import { hostileReport, refusedReport, richReport } from "./support/report.js";

const published = createRequire(import.meta.url).resolve("modelpress/report.schema.json");
const schema: AnySchemaObject = JSON.parse(readFileSync(published, "utf8"));
const isReport = new Ajv2020({ allowUnionTypes: true }).compile<Report>(schema);

/** The same without what is said to people. */
function bare(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(bare);
  if (typeof part !== "object" || part === null) return part;
  const fields = Object.entries(part).filter(
    ([name, value]) => name !== "description" || typeof value !== "string",
  );
  return Object.fromEntries(fields.map(([name, value]) => [name, bare(value)]));
}

/** Every object in a value, the value itself first. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Array.isArray(value) ? [] : [value as Record<string, unknown>];
  return [...own, ...Object.values(value).flatMap(objectsIn)];
}

describe("report.schema.json", () => {
  it("is what the package checks reports by", () => {
    const { title, ...rest } = schema;
    expect(title).toMatch(/report\.json/);
    expect(bare(rest)).toEqual(z.toJSONSchema(reportSchema, { io: "input" }));
  });

  it("says what fields mean", () => {
    const { trials, goal } = schema.properties;
    expect(trials.items.description).toBe("One candidate that was tried.");
    expect(trials.items.properties.latency.properties.original.properties.medianMs.description).toMatch(
      /Milliseconds/,
    );
    expect(goal.properties.ended.description).toBe("Why the search ended.");
  });

  test.each([
    ["rich", richReport()],
    ["refused", refusedReport()],
    ["hostile", hostileReport()],
  ])("%s: is a report", (_, report) => {
    isReport(report);
    expect(isReport.errors).toBeNull();
  });

  it("takes and refuses what readReport does, whichever field is missing", () => {
    const report = richReport();
    let refused = 0;
    for (const object of objectsIn(report).slice(0, 80))
      for (const [name, value] of Object.entries(object)) {
        delete object[name];
        expect(isReport(report), name).toBe(reportSchema.safeParse(report).success);
        if (!isReport(report)) refused++;
        object[name] = value;
      }
    expect(refused).toBeGreaterThan(50);
  });
});
