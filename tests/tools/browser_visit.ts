/// <reference lib="dom" />
/**
 * A visit to the browser page, as a program on Node:
 *
 *     node browser_visit.ts REQUEST.json FACTS.json
 *
 * It does what a visitor does, and writes down what it finds; the test judges. With
 * `SOTTO_SCREENSHOTS=DIR` it leaves pictures of the page there, to be looked at.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Arrow, type LookFact, readArrows, readLook } from "./browser_page.ts";
import { aeadPackets, type Exercise, exerciseCore, type SealedPacket } from "./core_exercise.ts";

/** What is to be visited. */
export interface VisitRequest {
  /** Path of Chromium. */
  readonly browser: string;
  /** The page, HTML. */
  readonly page: string;
  /** The bundled core, JavaScript. */
  readonly core: string;
  /** Packets that the core is to open; the page opens the first of each mode. */
  readonly packets: readonly SealedPacket[];
}

/** What the page says of a packet. */
export interface PacketFact {
  /** The encryption mode. */
  readonly mode: string;
  /** In short. */
  readonly title: string;
  /** The payload, hexadecimal. */
  readonly payload: string;
}

/** A packet that the page has sealed. */
export interface SealedFact extends PacketFact {
  /** What each byte is said to be. */
  readonly parts: readonly string[];
  /** What was said where a bit of each byte was flipped, in the order of the bytes. */
  readonly flipped: readonly string[];
  /** What was said when all was as before. */
  readonly restored: string;
}

/** A call that the page has run. */
export interface CallFact {
  /** What the page says of it. */
  readonly verdict: string;
  /** The figures, by their names. */
  readonly figures: Readonly<Record<string, string>>;
  /** The diagram, from the top. */
  readonly arrows: readonly Arrow[];
}

/** What was found. */
export interface VisitFacts {
  /** Addresses of all requests. */
  readonly requests: readonly string[];
  /** Errors and warnings of the console, and errors that nobody caught. */
  readonly complaints: readonly string[];
  /** What became of the first packet of each mode. */
  readonly opened: readonly PacketFact[];
  /** A packet of each mode. */
  readonly sealed: readonly SealedFact[];
  /** The call as it stands when the page opens. */
  readonly call: CallFact;
  /** One with loss, whose WebSocket breaks. */
  readonly roughCall: CallFact;
  /** What the core did in a page of its own. */
  readonly exercise: Exercise;
  /** How it looks. */
  readonly looks: readonly LookFact[];
}

/** Chromium talks to nobody. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];

const STEP_TIME_LIMIT = 20_000;
const SIZES = [{ width: 400, height: 800 }, { width: 1200, height: 900 }];

async function main(requestPath: string, factsPath: string): Promise<void> {
  const request: VisitRequest = JSON.parse(readFileSync(requestPath, "utf8"));
  const path = join(dirname(requestPath), "page.html");
  writeFileSync(path, request.page);
  const browser = await chromium.launch({
    executablePath: request.browser,
    args: ARGUMENTS,
    timeout: STEP_TIME_LIMIT,
  });
  try {
    const facts = await visitAll(browser, pathToFileURL(path).href, request);
    writeFileSync(factsPath, JSON.stringify(facts));
  } finally {
    await browser.close();
  }
}

async function visitAll(
  browser: Browser,
  address: string,
  { core, packets }: VisitRequest,
): Promise<VisitFacts> {
  const requests: string[] = [];
  const complaints: string[] = [];
  const open = async (url: string, scheme: "light" | "dark" = "light") => {
    const page = await browser.newPage({ colorScheme: scheme, viewport: SIZES[1] });
    page.setDefaultTimeout(STEP_TIME_LIMIT);
    page.on("request", (request) => void requests.push(request.url()));
    page.on("pageerror", (error) => void complaints.push(String(error)));
    page.on("console", (message) => {
      if (/error|warning/.test(message.type())) complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  };
  const page = await open(address);
  const call = await readCall(page);
  const sealed = await sealEach(page);
  const first = packets.filter(({ mode }, i) => packets.findIndex((p) => p.mode === mode) === i);
  const opened = await openEach(page, first);
  const roughCall = await runRoughCall(page);
  const exercise = await exerciseAlone(await open("about:blank"), core, aeadPackets());
  const looks = [];
  for (const scheme of ["light", "dark"] as const) {
    looks.push(...await look(await open(address, scheme), scheme));
  }
  return { requests, complaints, opened, sealed, call, roughCall, exercise, looks };
}

/** Seals a packet in each mode, and flips a bit of each byte. */
async function sealEach(page: Page): Promise<SealedFact[]> {
  const facts: SealedFact[] = [];
  const modes = await page.locator("#packet-mode option").allTextContents();
  for (const mode of modes) {
    await page.selectOption("#packet-mode", mode);
    await page.click("text=Seal the next packet");
    const { title, payload } = await readPacket(page, mode);
    // The first byte with a true click, the others as a script can do it in less time.
    await page.click("#packet-bytes button");
    await page.click("#packet-bytes button");
    const [parts, flipped] = await page.evaluate(() => {
      const bytes = [...document.querySelectorAll<HTMLElement>("#packet-bytes button")];
      const said = bytes.map((byte) => {
        byte.click();
        const text = document.querySelector("#packet-verdict strong")!.textContent;
        byte.click();
        return text;
      });
      return [bytes.map((byte) => byte.className), said] as const;
    });
    await page.click("#packet-flip");
    await page.click("#packet-restore");
    const restored = (await readPacket(page, mode)).title;
    facts.push({ mode, title, payload, parts, flipped, restored });
  }
  return facts;
}

async function openEach(page: Page, packets: readonly SealedPacket[]): Promise<PacketFact[]> {
  const facts: PacketFact[] = [];
  await page.click("summary");
  for (const { mode, key, packet } of packets) {
    await page.selectOption("#packet-mode", mode);
    await page.fill("#packet-key", key);
    await page.fill("#packet-own", packet);
    await page.click("#packet-open");
    facts.push(await readPacket(page, mode));
  }
  return facts;
}

async function readPacket(page: Page, mode: string): Promise<PacketFact> {
  const title = await page.locator("#packet-verdict strong").innerText();
  const payload = await page.locator("#packet-verdict code").textContent();
  return { mode, title, payload: payload ?? "" };
}

async function runRoughCall(page: Page): Promise<CallFact> {
  await page.selectOption("#call-version", "3");
  await page.fill("#call-packets", "40");
  await page.fill("#call-loss", "10");
  await page.fill("#call-seed", "2");
  await page.check("#call-cut");
  await page.click("#call-run");
  return await readCall(page);
}

async function readCall(page: Page): Promise<CallFact> {
  return {
    verdict: await page.locator("#call-verdict").innerText(),
    figures: await page.evaluate(() => {
      const terms = [...document.querySelectorAll("#call-result dt")];
      return Object.fromEntries(terms.map((term) => [
        term.textContent,
        term.nextElementSibling!.firstChild!.textContent ?? "",
      ]));
    }),
    arrows: await page.evaluate(readArrows),
  };
}

async function exerciseAlone(
  page: Page,
  core: string,
  packets: readonly SealedPacket[],
): Promise<Exercise> {
  const address = `data:text/javascript,${encodeURIComponent(core)}`;
  const call = `(core) => (${exerciseCore})(core, ${JSON.stringify(packets)})`;
  return await page.evaluate(`import(${JSON.stringify(address)}).then(${call})`) as Exercise;
}

async function look(page: Page, scheme: string): Promise<LookFact[]> {
  const facts: LookFact[] = [];
  for (const size of SIZES) {
    await page.setViewportSize(size);
    await page.locator("details").evaluate((details) => details.setAttribute("open", ""));
    await page.locator("#packet-bytes button").nth(20).click();
    facts.push(await page.evaluate(readLook));
    const folder = process.env.SOTTO_SCREENSHOTS;
    if (folder === undefined) continue;
    const path = join(folder, `${scheme}-${size.width}.png`);
    await page.screenshot({ path, fullPage: true });
  }
  return facts;
}

await main(process.argv[2], process.argv[3]);
