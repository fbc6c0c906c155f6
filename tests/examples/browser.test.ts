/**
 * The browser page in a real headless Chromium: what it seals and opens, the call it runs,
 * how it looks. One visit finds the facts, the tests judge them. Where `CI` is `true`, a
 * missing browser is a failure.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import process from "node:process";
import test from "node:test";
import { buildPage, bundle } from "../../examples/browser/build.ts";
import { ALL_ENCRYPTION_MODES, packetOverhead, RTP_HEADER_SIZE, TAG_SIZE } from "../../lib/mod.ts";
import { BROWSER_HINT, findBrowser, visit } from "../tools/browser.ts";
import type { Arrow } from "../tools/browser_page.ts";
import type { VisitFacts } from "../tools/browser_visit.ts";
import { aeadPackets, sealedPackets } from "../tools/core_exercise.ts";
import { within } from "../tools/waiting.ts";

const LIMIT = 120_000;
const VISIT_LIMIT = 50_000;
const PACKETS = sealedPackets();
const MODES = ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain");

const browser = findBrowser();
const skip = browser === undefined && process.env.CI !== "true" ? BROWSER_HINT : false;
if (skip !== false) console.error(`Skipped: ${skip}`);

let visited: Promise<VisitFacts> | undefined;

/** What the one visit has found. */
function facts(): Promise<VisitFacts> {
  visited ??= (async () => {
    if (browser === undefined) throw new Error(`Cannot visit the page: ${BROWSER_HINT}`);
    const page = await buildPage();
    const core = await bundle(new URL("../../lib/mod.ts", import.meta.url));
    return await visit({ browser, page, core, packets: PACKETS }, VISIT_LIMIT);
  })();
  return visited;
}

function judge(name: string, check: (found: VisitFacts) => void): void {
  test(name, { skip }, within(LIMIT, async () => check(await facts())));
}

judge("the page asks nobody for anything", ({ requests }) => {
  assertGreater(requests.length, 0);
  assertEquals(requests.filter((url) => !/^(file|data|blob|about):/.test(url)), []);
});

judge("the page complains of nothing", ({ complaints }) => {
  assertEquals(complaints, []);
});

judge("the page opens a packet of the vectors in each mode", ({ opened }) => {
  assertEquals(opened.map(({ mode }) => mode).sort(), [...MODES].sort());
  for (const { mode, payload } of opened) {
    assertEquals(payload, PACKETS.find((packet) => packet.mode === mode)!.opus, mode);
  }
  for (const { title } of opened) assertMatch(title, /^Opened:/);
});

judge("the page seals a packet in each mode, and shows which byte is what", ({ sealed }) => {
  const payload = new TextEncoder().encode("Hello, voice");
  assertEquals(sealed.map(({ mode }) => mode), [...MODES]);
  for (const { mode, title, payload: opened, parts } of sealed) {
    assertEquals(title, "Opened: Hello, voice", mode);
    assertEquals(
      opened,
      Array.from(payload, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    );
    const tag = new Array(TAG_SIZE).fill("tag");
    const ciphertext = new Array(payload.length).fill("ciphertext");
    assertEquals(parts, [
      ...new Array(RTP_HEADER_SIZE).fill("header"),
      ...mode.startsWith("aead") ? [...ciphertext, ...tag] : [...tag, ...ciphertext],
      ...new Array(packetOverhead(MODES.find((name) => name === mode)!) - TAG_SIZE).fill("nonce"),
    ]);
  }
});

judge("the page rejects a packet with any flipped byte that is authenticated", ({ sealed }) => {
  for (const { mode, parts, flipped, restored } of sealed) {
    const bound = mode.startsWith("aead") || mode === "xsalsa20_poly1305";
    for (const [index, said] of flipped.entries()) {
      if (bound || parts[index] !== "header") assertMatch(said, /^Rejected: /, `${mode} ${index}`);
    }
    assertEquals(restored, "Opened: Hello, voice");
  }
});

/** The course of a call, seen from bot A, and the audio as it comes to B. */
const COURSE = [
  "from Bot B to Main gateway: Voice State (join)",
  "from Bot A to Main gateway: Voice State (join)",
  "from Main gateway to Bot A: VOICE_STATE_UPDATE",
  "from Main gateway to Bot A: VOICE_SERVER_UPDATE",
  "from Bot A to WebSocket: Identify",
  "from WebSocket to Bot A: Ready",
  "from Bot A to UDP: IP Discovery",
  "from UDP to Bot A: IP Discovery",
  "from Bot A to WebSocket: SelectProtocol",
  "from WebSocket to Bot A: SessionDescription",
  "from Bot A to WebSocket: Speaking",
  "from WebSocket to Bot B: Speaking",
  "from Bot A to UDP: Audio 1",
  "from UDP to Bot B: Audio 1",
  "from UDP to Bot B: Audio 6",
  "from Bot A to Main gateway: Voice State (leave)",
];

function assertDrawn(arrows: readonly Arrow[]): void {
  assertEquals(arrows.filter(({ fits }) => !fits), []);
  for (let i = 1; i < arrows.length; i++) assert(arrows[i].at >= arrows[i - 1].at);
}

judge("the page runs a call: all packets are heard, and the arrows are in order", ({ call }) => {
  assertMatch(call.verdict, /^Heard bit for bit\s+B heard 50 of 50 packets/);
  assertEquals([call.figures.sent, call.figures.lost, call.figures.resumed], ["50", "0", "0"]);
  assertDrawn(call.arrows);
  const drawn = call.arrows.map(({ way, name }) => `${way}: ${name}`);
  const course = drawn.filter((arrow) => COURSE.includes(arrow));
  assertEquals(course, COURSE);
});

judge("the page runs a call with loss and a resume", ({ roughCall }) => {
  const { sent, lost, resumed } = roughCall.figures;
  assertMatch(roughCall.verdict, /^Heard bit for bit/);
  assertEquals([sent, resumed], ["40", "1"]);
  assertGreater(Number(lost), 0);
  assertLess(Number(lost), 30);
  assertDrawn(roughCall.arrows);
  const resume = roughCall.arrows.filter(({ name }) => /^Resume/.test(name));
  assertEquals(resume.map(({ way, name }) => `${way}: ${name}`), [
    "from Bot A to WebSocket: Resume",
    "from WebSocket to Bot A: Resumed",
  ]);
});

judge("the core alone runs in a browser", ({ exercise }) => {
  assertEquals(exercise.opened, aeadPackets().map(({ opus }) => opus));
  assertEquals(exercise.outputs.includes("openWebSocket"), true);
});

judge("the page fits 400 and 1200 pixels, light and dark, and can be read", ({ looks }) => {
  assertEquals(looks.map(({ width }) => width), [400, 1200, 400, 1200]);
  for (const { width, scrollWidth, faults } of looks) {
    assertEquals(faults, []);
    assert(scrollWidth <= width, `${scrollWidth} of ${width}`);
  }
  for (const { brightness } of looks.slice(0, 2)) assertGreater(brightness, 200);
  for (const { brightness } of looks.slice(2)) assertLess(brightness, 60);
});
