// A real browser for the tests of the pages: Debian's chromium, driven by playwright-core and judged by axe-core.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.env.NBU_EXPORTER_BROWSER_PACKAGES, "package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// A condition is waited for, however slow the machine is.
const PATIENCE = 90_000;

let passed = 0;
let failed = 0;

export async function test(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
  }
}

export function report() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

export async function eventually(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert(Date.now() < end, `waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** A port of which nobody listens: bound once, and closed. */
export async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Processes and a folder, which all end with the work on them. */
export async function world(work) {
  const home = mkdtempSync(join(tmpdir(), "nbu-exporter-browser-"));
  const children = [];
  /** Starts a program, and waits for what it says. */
  const start = async (what, program, args, said, { count = 1, env = {} } = {}) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    children.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
    await eventually(`${what} says ${said}`, () => {
      assert(child.exitCode === null, `${what} ended: ${text.slice(-600)}`);
      return [...text.matchAll(said)].length >= count;
    });
    return text;
  };
  const chrome = await chromium.launch({
    executablePath: process.env.NBU_EXPORTER_BROWSER,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  try {
    await work({ home, start, chrome });
  } finally {
    await chrome.close();
    for (const child of children.filter((child) => child.exitCode === null)) {
      child.kill("SIGTERM");
      await new Promise((resolve) => child.once("exit", resolve));
    }
    rmSync(home, { recursive: true, force: true });
  }
}

/** The pages of an exporter. `picture` takes one of each page that is judged, if it is wanted. */
export class Pages {
  constructor(chrome, url, picture = async () => {}) {
    Object.assign(this, { chrome, url, picture });
  }

  async status() {
    return (await fetch(`${this.url}api/v1/status`)).json();
  }

  /** Opens a page in a window; fails if it runs a script, requests anything else or complains. */
  async open(path, { width = 1280, scheme = "light" } = {}) {
    const context = await this.chrome.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
    const page = await context.newPage();
    const requests = [];
    const complaints = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(new URL(path, this.url).href);
    assert.deepEqual([requests.length, complaints], [1, []], `${path}: ${requests}`);
    return { page, close: () => context.close() };
  }

  /** Judges a page in light and dark, and in the narrowest window. */
  async judged(path, name) {
    for (const scheme of ["light", "dark"]) {
      for (const width of [1280, 320]) {
        const { page, close } = await this.open(path, { width, scheme });
        await this.picture(page, `${name}${scheme === "dark" ? "-dark" : ""}${width === 320 ? "-narrow" : ""}`);
        // What can be unfolded is judged as well.
        await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
        const widths = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
        assert(widths[0] <= widths[1], `${path} is ${widths[0]} px wide in a window of ${widths[1]}`);
        await page.evaluate(AXE);
        const { violations } = await page.evaluate((tags) => axe.run({ runOnly: tags }), AA);
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(found, [], `${path}, ${scheme}, ${width} px`);
        await close();
      }
    }
  }

  async text(path) {
    const { page, close } = await this.open(path);
    const said = await page.innerText("main");
    await close();
    return said;
  }
}
