// A browser at the other end of a pipe: one line of JSON in, one out. What it is told to do is up to
// status_page_browser.py; this knows nothing of the page.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, program] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { chromium } = require("playwright-core");
const axePath = require.resolve("axe-core/axe.min.js");

// Chromium's own sandbox wants what a container or root does not have; nothing but the daemon's page is opened.
const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const PATIENCE = 60000;
let page = null;
let complaints = [];
let requested = [];

const orders = {
  async open({ url, width = 1280, height = 900, scheme = "light" }) {
    if (page) await page.context().close();
    // The policy of the page would keep axe out, as it should.
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, bypassCSP: false });
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    complaints = [];
    requested = [];
    page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => requested.push(request.url()));
    await page.goto(url);
  },
  text: ({ selector }) => page.textContent(selector),
  texts: ({ selector }) => page.locator(selector).allTextContents(),
  count: ({ selector }) => page.locator(selector).count(),
  visible: ({ selector }) => page.isVisible(selector),
  attribute: ({ selector, name }) => page.getAttribute(selector, name),
  click: ({ selector }) => page.click(selector),
  fill: ({ selector, value }) => page.fill(selector, value),
  press: ({ key }) => page.keyboard.press(key),
  focused: () => page.evaluate("document.activeElement.id || document.activeElement.className || document.activeElement.tagName"),
  evaluate: ({ script }) => page.evaluate(script),
  // Until the element's text matches.
  async wait({ selector, pattern }) {
    await page.locator(selector).filter({ hasText: new RegExp(pattern) }).first().waitFor({ state: "attached" });
  },
  waitVisible: ({ selector }) => page.waitForSelector(selector, { state: "visible" }),
  waitHidden: ({ selector }) => page.waitForSelector(selector, { state: "hidden" }),
  picture: ({ path, full = false }) => page.screenshot({ path, fullPage: full }).then(() => path),
  complaints: () => complaints,
  requested: () => requested,
  async axe() {
    // By the debugger's way in, past the policy of the page.
    const session = await page.context().newCDPSession(page);
    const { readFileSync } = await import("node:fs");
    await session.send("Runtime.evaluate", { expression: readFileSync(axePath, "utf8") });
    const { result } = await session.send("Runtime.evaluate", {
      expression: "axe.run().then((found) => JSON.stringify(found.violations.map((each) => [each.id, each.nodes.map((node) => node.target.join(' ') + ': ' + node.failureSummary)])))",
      awaitPromise: true, returnByValue: true,
    });
    return JSON.parse(result.value);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { order, ...given } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: (await orders[order](given)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message || error) }));
  }
}
await browser.close();
