import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../optimize/report.js";
import { packageRoot } from "../package-root.js";

const TEMPLATE = "dist/report/page.html";

/**
 * The report as one HTML file that loads nothing from anywhere: text, charts, tables and the graph, in light and dark. The
 * report lies in it as JSON, so that no name from a model is ever read as HTML or script; the page's content security policy
 * allows its own script and style and nothing else.
 *
 * @param report as readReport gives it
 * @returns HTML, the same for the same report
 * @throws Error where the package was not built and the page's template is missing
 */
export function renderReport(report: Report): string {
  const parts: Record<string, string> = {
    title: escapeText(`${report.model.name}: modelpress report`),
    verdict: escapeText(report.verdict.line),
    report: embeddedJson(report),
  };
  const template = readFileSync(join(packageRoot(), TEMPLATE), "utf8");
  return template.replaceAll(/__(title|verdict|report)__/g, (_, part: string) => parts[part]!);
}

/** JSON that cannot end the script element it stands in, nor open a comment there; the same value when parsed. */
function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function escapeText(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => ENTITIES[character]!);
}
