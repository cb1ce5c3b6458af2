// The start page of 200 sites of 20 collectors each in a real browser: it is for everybody, what is wrong comes first, and links choose.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { Pages, closedPort, eventually, report, test, world } from "./browser.js";

const [program] = process.argv.slice(2);
// Most are well, and those that are not stand somewhere between the others.
const WELL = 190;
const ILL = 8;
const SITES = 200;
// They all ask at once, and a program without optimization answers.
const LONG = 400_000;

/** All that the program can collect, once. */
function collectors() {
  const schema = JSON.parse(spawnSync(program, ["schema"], { encoding: "utf8" }).stdout);
  const keys = Object.keys(schema.properties.collectors.properties);
  assert.equal(keys.length, 20);
  return Object.fromEntries(keys.map((key) => [key, { enabled: true, interval: "1h" }]));
}

async function servers(start, scenario, count) {
  const said = await start(scenario, program, ["simulate", `--scenario=${scenario}`, `--sites=${count}`, "--port=0", "--jobs-per-day=40",
    "--job-retention=24", "--policies=4", "--storage-units=8", "--api-version=14.0"], /http:\/\/127\.0\.0\.1:\d+\/netbackup/g, { count });
  return [...said.matchAll(/http:\/\/127\.0\.0\.1:(\d+)\/netbackup/g)].map(([, port]) => Number(port));
}

await world(async ({ home, start, chrome }) => {
  const dead = await closedPort();
  const ports = [...(await servers(start, "ordinary", WELL)), ...(await servers(start, "bad-night", ILL)), dead, dead];
  const sites = ports.map((port, number) => ({ site: `site-${String((number * 77) % SITES).padStart(3, "0")}`, scheme: "http", host: "127.0.0.1", port, apiKey: "simulated-key" }));
  sites.sort((one, other) => one.site.localeCompare(other.site));
  const file = join(home, "config.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ server: { collectionInterval: "1h" }, collectors: collectors(), nbuservers: sites }));
  const said = await start("the exporter", program, ["run", `--config=${file}`, "--web.listen-address=127.0.0.1:0"], /Listening.*address="?127[\d.:]+/g);
  const pages = new Pages(chrome, `http://${said.match(/Listening.*address="?(127[\d.:]+)/)[1]}/`);

  await test("200 sites are collected", () =>
    eventually("every collector has run", async () => {
      const { sites } = await pages.status();
      const ran = ({ state, collectors }) => state === "down" || (collectors.length === 20 && collectors.every(({ state }) => state !== "waiting"));
      return sites.length === SITES && sites.every(ran);
    }, LONG));

  await test("the page of 200 sites is small, and painted at once", async () => {
    const html = await (await fetch(pages.url)).text();
    const { page, close } = await pages.open("/");
    // The page may have loaded before it is painted.
    const paint = await (await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime)).jsonValue();
    const kilobytes = (text) => Math.round(text.length / 1000);
    console.log(`      ${kilobytes(html)} kB (${kilobytes(gzipSync(html))} kB as gzip), first paint after ${Math.round(paint)} ms, ${await page.evaluate(() => document.querySelectorAll("*").length)} elements`);
    await close();
  });

  await test("what is wrong comes first", async () => {
    const { sites } = await pages.status();
    const { page, close } = await pages.open("/");
    const order = ["down", "failing", "warning", "waiting", "collected"];
    const shown = await page.locator("main details:not(:has(nav)) > summary, main div.site").allInnerTexts();
    const states = shown.map((text) => text.match(/\b(down|failing|warning|waiting|collected)\b/)?.[0]);
    assert.equal(states.filter(Boolean).length, SITES, shown.slice(0, 5).join(" | "));
    assert.deepEqual(states, states.toSorted((one, other) => order.indexOf(one) - order.indexOf(other)));
    assert.equal(states.filter((state) => state === "down").length, sites.filter(({ state }) => state === "down").length);
    assert.equal(states[0], "down");
    await close();
  });

  await test("links choose among 200 sites", async () => {
    const { page, close } = await pages.open("/");
    await page.getByRole("link", { name: "down (2)" }).click();
    assert.match(page.url(), /\?state=down$/);
    assert.match(await page.innerText("main"), /2 of 200 shown/);
    await page.getByText("One collector of all sites").click();
    await page.getByRole("link", { name: "jobs", exact: true }).click();
    assert.match(page.url(), /state=down&collector=jobs$/);
    await page.getByRole("link", { name: "Show all" }).click();
    assert.equal(page.url(), pages.url);
    await close();
  });

  await test("the page of 200 sites is for everybody", () => pages.judged("/", "many"));
});
report();
