// The pages of the demo in a real browser: an edit, a broken edit, its repair, a dead site and a refused key. On each page axe finds
// nothing at WCAG AA in light and dark, nothing is wider than a window of 320 px, no script runs and nothing else is requested.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Pages, closedPort, eventually, report, test, world } from "./browser.js";

const [program, ...flags] = process.argv.slice(2);
const PICTURES = flags.includes("--pictures") ? join(import.meta.dirname, "../../docs/pictures") : undefined;

/// The pictures that the documents show.
const SHOWN = ["start", "start-narrow", "site", "site-dark", "rejected", "dead-site-dark", "refused-key"];

async function picture(page, name) {
  if (PICTURES && SHOWN.includes(name)) await page.screenshot({ path: join(PICTURES, `status-${name}.png`), fullPage: true });
}

await world(async ({ home, start, chrome }) => {
  const said = await start("the demo", program, ["demo", "--port", "0"], /http:\/\/[\d.]+:\d+\/(?= in a browser)/g, { env: { TMPDIR: home } });
  const url = said.match(/http:\/\/[\d.]+:\d+\/(?= in a browser)/)[0];
  const file = said.match(/edit\s+(\S+)/)[1];
  const pages = new Pages(chrome, url, picture);
  const [open, judged, text, status] = ["open", "judged", "text", "status"].map((name) => pages[name].bind(pages));

  const original = readFileSync(file, "utf8");
  const edit = (change) => writeFileSync(file, change(original));
  const site = async (name) => (await status()).sites.find((site) => site.name === name);
  const command = (...args) => spawnSync(program, ["status", "--address", url, ...args], { encoding: "utf8" });

  if (PICTURES) mkdirSync(PICTURES, { recursive: true });

  await test("the demo's sites are shown once they are collected, with what counts at them", async () => {
    await eventually("both sites are collected", async () => {
      const { sites } = await status();
      return sites.length === 2 && sites.every(({ counts, historyReadRatio }) => counts.slpsBehind && historyReadRatio === 1);
    });
    const start = await text("/");
    assert.match(start, /lyon[^]*policies overdue[^]*paris/, "the bad night comes first");
    const lyon = await text("/sites/lyon");
    for (const what of [/policies overdue by their own schedules/, /jobs not done/, /tape drives not up/, /SLPs behind/, /protection\s/]) {
      assert.match(lyon, what);
    }
  });
  await test("the start page is for everybody", () => judged("/", "start"));
  await test("a site's page is for everybody", () => judged("/sites/lyon", "site"));
  await test("links choose among sites and collectors without a script, by the keyboard as well", async () => {
    const { page, close } = await open("/");
    await page.getByRole("link", { name: /^warning \(\d\)$/ }).click();
    assert.match(page.url(), /\?state=warning$/);
    assert.match(await page.innerText("main"), /1 of 2 shown/);
    await page.getByText("One collector of all sites").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "storage", exact: true }).click();
    assert.match(page.url(), /state=warning&collector=storage$/);
    await page.getByRole("link", { name: "Show all" }).click();
    assert.equal(page.url(), url);
    await close();
    const unknown = await fetch(`${url}sites/nowhere`);
    assert.equal(unknown.status, 404);
    assert.match(await unknown.text(), /There is no site “nowhere”/);
  });

  await test("an edit is shown: a site under another name", async () => {
    edit((text) => text.replace("site: paris", "site: nice"));
    await eventually("nice is there and paris is gone", async () => (await site("nice")) && !(await site("paris")));
    assert.match(await text("/"), /applied[^]*-paris/);
    edit((text) => text);
    await eventually("paris is back", () => site("paris"));
  });

  await test("a broken edit is the first thing that is seen, with its place and what it changes", async () => {
    edit((text) => text.replace("collectionInterval: 5s", "collectionInterval: 5x"));
    await eventually("it is rejected", async () => (await status()).configuration.rejected);
    const { page, close } = await open("/");
    const alert = await page.getByRole("alert").innerText();
    assert.match(alert, /The newest configuration is rejected/);
    assert.match(alert, /config\.yaml:\d+:\d+: server\.collectionInterval/);
    assert.match(alert, /server\.collectionInterval is 5x and was 5s/);
    assert(await page.getByRole("alert").evaluate((alert) => alert === document.querySelector("main").firstElementChild));
    await close();
    const said = command();
    assert.equal(said.status, 1, said.stdout + said.stderr);
    assert.match(said.stdout, /REJECTED[^]*collectionInterval/);
  });
  await test("the page of a rejection is for everybody", () => judged("/", "rejected"));

  await test("its repair takes it away", async () => {
    edit((text) => text);
    await eventually("it is accepted", async () => !(await status()).configuration.rejected);
    const { page, close } = await open("/");
    assert.equal(await page.getByRole("alert").count(), 0);
    assert.match(await page.innerText("main"), /The last reloads[^]*rejected/);
    await close();
    const said = command("--output", "json");
    assert.deepEqual([said.status, JSON.parse(said.stdout).wrong], [0, false], said.stderr);
  });

  await test("a dead site is down, first and open, with the cure", async () => {
    const port = await closedPort();
    edit((text) => text.replace(/(site: lyon\n.*\n\s+port: )\d+/, `$1${port}`));
    await eventually("lyon is down", async () => (await site("lyon"))?.state === "down");
    const { page, close } = await open("/");
    const first = page.locator("details.wrong");
    assert.equal(await first.count(), 1);
    assert(await first.evaluate((details) => details.open));
    assert.match(await first.innerText(), /down\s+lyon[^]*bpps -x/);
    await close();
    const said = command("--site", "lyon");
    assert.equal(said.status, 1, said.stderr);
    assert.match(said.stdout, /^down +lyon[^]*-> see that the port is right/m);
    assert.equal(command("--site", "paris").status, 0);
  });
  await test("the page of a dead site is for everybody", () => judged("/", "dead-site"));

  await test("a refused key is told, with the cure, while the old one is in use", async () => {
    edit((text) => text.replace("apiKey: simulated-key", "apiKey: planted-and-refused"));
    await eventually("the key of paris is refused", async () => (await site("paris"))?.keyAccepted === false);
    const paris = await text("/sites/paris");
    assert.match(paris, /NetBackup refuses the API key[^]*make a new key/);
    assert(!`${paris}${await text("/")}${JSON.stringify(await status())}`.includes("planted-and-refused"));
  });
  await test("the page of a refused key is for everybody", () => judged("/sites/paris", "refused-key"));

  await test("the command says who could not be asked", async () => {
    const said = spawnSync(program, ["status", "--address", `127.0.0.1:${await closedPort()}`], { encoding: "utf8" });
    assert.equal(said.status, 2);
    assert.match(said.stderr, /not reached/);
  });
});
report();
