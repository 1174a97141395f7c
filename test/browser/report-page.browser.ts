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

describe("a long reason", () => {
  it("is cut until it is asked for, and pushes nothing off a phone", async () => {
    const { page } = await openReport(browser, hostileReport(), { viewport: sizes.phone });
    const reason = page.locator(".reasons li", { hasText: "xxxx" });
    const height = async () => (await reason.boundingBox())!.height;
    expect(await height()).toBeLessThan(sizes.phone.height / 4);
    const button = reason.getByRole("button", { name: "Show all" });
    await button.press("Enter");
    expect((await reason.textContent())!.length).toBeGreaterThan(10_000);
    await reason.getByRole("button", { name: "Show less" }).press("Enter");
    expect(await height()).toBeLessThan(sizes.phone.height / 4);
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

describe("the graph", () => {
  const label = "document.activeElement.getAttribute('aria-label')";

  it("of 2,000 nodes and a page of 700 layers: every node is reached by key", async () => {
    const { page, complaints } = await openReport(
      browser,
      richReport({ layers: 700, nodes: 2000, trials: 60 }),
    );
    await page.locator(".node.current").focus();
    // Keys from within, since 2,000 of the browser's own take a minute.
    const seen = await page.evaluate<number>(`(async () => {
      const seen = new Set();
      for (let i = 0; i < 2000; i++) {
        seen.add(${label});
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
        const channel = new MessageChannel();
        await new Promise((resolve) => { channel.port1.onmessage = resolve; channel.port2.postMessage(0); });
      }
      return seen.size;
    })()`);
    expect(seen).toBe(2000);
    expect(await page.evaluate(label)).toContain("2000 of 2000");
    // Only what lies in view is drawn one by one.
    expect(await page.locator(".node").count()).toBeLessThan(60);
    await page.keyboard.press("0");
    expect(await page.locator(".node").count()).toBe(1);
    expect(await page.locator(".far").count()).toBeGreaterThan(2);
    expect(await seriousViolations(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("is walked along its edges", async () => {
    const { page } = await openReport(browser, richReport());
    await page.locator(".node.current").focus();
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate(label)).toContain("node1");
    await page.keyboard.press("ArrowUp");
    expect(await page.evaluate(label)).toContain("node0");
    await page.close();
  });

  it("finds nodes, goes through them and brings them into view", async () => {
    const { page } = await openReport(browser, richReport({ nodes: 2000 }));
    await page.getByRole("searchbox").fill("node1234");
    expect(await page.locator("#graph h3").textContent()).toContain("node1234");
    expect(await page.locator("#graph [role=status]").textContent()).toBe("1 of 1 node");
    await page.getByRole("searchbox").fill("add");
    await page.keyboard.press("Enter");
    expect(await page.locator("#graph [role=status]").textContent()).toBe("2 of 500 nodes");
    const [node, frame] = await Promise.all([
      page.locator(".node.current").boundingBox(),
      page.locator(".canvas").boundingBox(),
    ]);
    expect(node!.y).toBeGreaterThan(frame!.y);
    expect(node!.y + node!.height).toBeLessThan(frame!.y + frame!.height);
    await page.close();
  });

  it("is moved by dragging, and a drag chooses nothing", async () => {
    const { page } = await openReport(browser, richReport());
    const chosen = await page.locator("#graph h3").textContent();
    const node = page.locator(".node").nth(1);
    await node.scrollIntoViewIfNeeded();
    const before = (await node.boundingBox())!;
    await page.mouse.move(before.x + 20, before.y + 20);
    await page.mouse.down();
    await page.mouse.move(before.x + 60, before.y + 50, { steps: 5 });
    await page.mouse.up();
    const after = (await node.boundingBox())!;
    expect(Math.round(after.x - before.x)).toBe(40);
    expect(Math.round(after.y - before.y)).toBe(30);
    expect(await page.locator("#graph h3").textContent()).toBe(chosen);
    await page.mouse.click(after.x + 20, after.y + 20);
    expect(await page.locator("#graph h3").textContent()).not.toBe(chosen);
    await page.close();
  });
});

describe("every part", () => {
  it("has a table or text beside its charts, and Tab reaches every control", async () => {
    const { page } = await openReport(browser, richReport());
    for (const summary of await page.locator("details > summary").all()) await summary.click();
    // An element tells that it was opened a moment later.
    await expect.poll(() => page.locator("table").count()).toBe(8);
    const controls = await page.evaluate<number>(`(() => {
      const found = document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']");
      return [...found].filter((element) => !element.disabled && element.type !== "radio").length;
    })()`);
    await page.evaluate("document.activeElement.blur()");
    await page.evaluate("globalThis.reached = new Set()");
    for (let i = 0; i < controls + 10; i++) {
      await page.keyboard.press("Tab");
      await page.evaluate("document.activeElement.type !== 'radio' && reached.add(document.activeElement)");
    }
    expect(await page.evaluate("reached.delete(document.body), reached.size")).toBeGreaterThanOrEqual(
      controls,
    );
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
