import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostileReport, refusedReport, richReport } from "../support/report.js";
import { launch, openReport, seriousViolations } from "./open-report.js";

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const reports = { rich: richReport, refused: refusedReport, hostile: hostileReport };
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

describe.each(Object.entries(reports))("the page of a %s report", (_name, report) => {
  it.each([
    ["desktop", "light"],
    ["desktop", "dark"],
    ["phone", "light"],
    ["phone", "dark"],
  ] as const)("on a %s, %s: is quiet, fits, and axe finds nothing serious", async (size, colorScheme) => {
    const { page, complaints } = await openReport(browser, report(), { viewport: sizes[size], colorScheme });
    expect(await seriousViolations(page)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe("names from models", () => {
  it("are text and nothing else", async () => {
    const { page, complaints } = await openReport(browser, hostileReport());
    expect(await page.evaluate("globalThis.hacked")).toBeUndefined();
    expect(await page.locator("img, script:not([id]):not(:last-of-type)").count()).toBe(0);
    expect(await page.locator("h1").textContent()).toBe("</script><script>globalThis.hacked = 1</script>");
    expect(await page.evaluate("/[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText)")).toBe(
      false,
    );
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe("light and dark", () => {
  it("follow the system until the button is pressed", async () => {
    const { page } = await openReport(browser, richReport(), { colorScheme: "dark" });
    const paper = () => page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
    const dark = await paper();
    await page.emulateMedia({ colorScheme: "light" });
    const light = await paper();
    expect(light).not.toBe(dark);
    await page.getByRole("button", { name: "dark" }).click();
    expect(await paper()).toBe(dark);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByRole("button", { name: "light" }).click();
    expect(await paper()).toBe(light);
    await page.close();
  });
});

describe("the plot of trials", () => {
  it("is one stop of Tab, arrows reach every point, and the details follow", async () => {
    const { page } = await openReport(browser, richReport());
    const points = await page.locator(".pareto .point[role=button]").count();
    await page.locator(".pareto .point[tabindex='0']").focus();
    await page.keyboard.press("Home");
    const seen = new Set<string>();
    for (let i = 0; i < points; i++) {
      seen.add((await page.evaluate<string>("document.activeElement.getAttribute('aria-label') ?? ''")) + i);
      await page.keyboard.press("ArrowRight");
    }
    expect(seen.size).toBe(points);
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toContain("original");
    await page.keyboard.press("Home");
    expect(await page.locator(".point.current").count()).toBe(1);
    await page.close();
  });

  it("switches to size", async () => {
    const { page } = await openReport(browser, richReport());
    await page.getByRole("radio", { name: "against size" }).check();
    expect(await page.locator(".pareto .axes").first().textContent()).toContain("MB");
    await page.close();
  });
});

describe("tables", () => {
  it("sort by a column in both directions", async () => {
    const { page } = await openReport(browser, richReport());
    const sizesShown = async () =>
      (await page.locator("#trials tbody tr td:nth-child(6)").allTextContents())
        .filter(Boolean)
        .map(Number.parseFloat);
    await page.getByRole("button", { name: "Size" }).click();
    const ascending = await sizesShown();
    expect(ascending).toEqual([...ascending].sort((a, b) => a - b));
    await page.getByRole("button", { name: "Size" }).click();
    expect(await sizesShown()).toEqual([...ascending].reverse());
    await page.close();
  });
});
