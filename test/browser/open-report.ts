import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Report } from "../../lib/optimize/report.js";
import { renderReport } from "../../lib/report/render-report.js";
import { temporaryFolder } from "../support/folder.js";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const folder = temporaryFolder();

function browserPath(): string {
  const asked = process.env.CHROMIUM_PATH;
  if (asked) return asked;
  for (const place of (process.env.PATH ?? "").split(delimiter))
    for (const name of NAMES) if (place && existsSync(join(place, name))) return join(place, name);
  throw new Error("No Chromium on the path: install it (apt-get install chromium) or set CHROMIUM_PATH");
}

export function launch(): Promise<Browser> {
  // Chromium's sandbox does not start as root, which is what containers run tests as.
  return chromium.launch({ executablePath: browserPath(), args: ["--no-sandbox"] });
}

export interface OpenPage {
  page: Page;
  /** What the page should not have done: console messages, uncaught errors, requests. */
  complaints: string[];
}

/** Opens the page of a report from the disk, as a user does. */
export async function openReport(
  browser: Browser,
  report: Report,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const path = join(folder, "report.html");
  writeFileSync(path, renderReport(report));
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  const address = pathToFileURL(path).href;
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== address) complaints.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  await page.goto(address);
  await page.waitForSelector("h1");
  return { page, complaints };
}

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What axe finds serious or critical. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource());
  const violations = await page.evaluate<Violation[]>("axe.run().then(({ violations }) => violations)");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
}

let source: string | undefined;

function axeSource(): string {
  source ??= (createRequire(import.meta.url)("axe-core") as { source: string }).source;
  return source;
}
