/**
 * Every name of the five documents has its row in docs/seeds.md, and what a row leads to exists.
 * `deno task check` holds the types among the targets, by way of `tools/seeds/types.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { namesByRow, seedsDocument, targetsOf, typesDocument } from "./tools/seeds/document.ts";
import { ENTRIES } from "./tools/seeds/entries.ts";
import { expand, expandName, kindsOf } from "./tools/seeds/model.ts";
import { SEEDS } from "./tools/seeds/seeds.ts";
import { find, parseTarget, reference } from "./tools/seeds/targets.ts";

/** Members that no prototype has, because each instance has its own: the type checker finds them. */
const FIELDS: readonly string[] = [
  "RtpHeader.payloadType of ./core",
  "RtpHeader.sequence of ./core",
  "RtpHeader.ssrc of ./core",
  "RtpHeader.timestamp of ./core",
  "VoiceConnectError.code",
  "VoiceConnectError.hint",
  "VoiceUDPSocket.ping of ./networking",
  "VoiceWebSocket.ping of ./networking",
  "VoiceWebSocket.sequence of ./networking",
];

/** What a document of so many names cannot lose unnoticed. */
const NAME_COUNTS: Readonly<Record<string, number>> = {
  "000": 186,
  "001": 79,
  "002": 253,
  "003": 110,
  "004": 161,
};

const ROWS = SEEDS.flatMap((seed) => seed.rows);
const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** What a formatter may change: padding of cells and dashes of a table. */
function plain(text: string): string {
  return text.replace(/-{3,}/g, "---").replace(/ +/g, " ").trim();
}

/** What a formatter may change: where lines end, and the commas before such an end. */
function unwrapped(text: string): string {
  return text.replace(/\s+/g, "").replace(/,(?=[)\]}>])/g, "");
}

for (const seed of SEEDS) {
  test(`every name of "${seed.title}" has one row, and every row's names are in it`, () => {
    const named = [...namesByRow(seed).values()].flat();
    assertEquals(named.toSorted(), [...kindsOf(seed.names).keys()].toSorted());
  });

  test(`no name of "${seed.title}" was lost`, () => {
    assertEquals(kindsOf(seed.names).size, NAME_COUNTS[seed.id]);
  });
}

test("a row leads somewhere or has a reason, never both or neither", () => {
  for (const { names, status, targets, note } of ROWS) {
    assertEquals(targets.length > 0, status === "here", names[0]);
    if (status !== "here") assert(note.split(" ").length >= 4, `${names[0]}: ${note}`);
  }
});

test("every entry point that a row names is one of deno.json", () => {
  const { exports } = JSON.parse(read("deno.json")) as { exports: Record<string, string> };
  for (const [name, { path }] of ENTRIES) assertEquals(exports[name], `./${path}`, name);
});

test("every target that is a value exists", () => {
  const targets = targetsOf(SEEDS);
  const missing = targets.filter((target) => find(target) === "missing");
  assertEquals(missing.map(({ text }) => text), []);
  const fields = targets.filter((target) => find(target) === "field");
  assertEquals(fields.map(({ text }) => text).toSorted(), FIELDS.toSorted());
});

test("docs/seeds.md is what the rows say", () => {
  assertEquals(plain(read("docs/seeds.md")), plain(seedsDocument()));
});

test("tests/tools/seeds/types.ts refers to every target", () => {
  assertEquals(unwrapped(read("tests/tools/seeds/types.ts")), unwrapped(typesDocument()));
});

test("expand() and expandName() write braces and parameters out", () => {
  assertEquals(expand("A.{b, c} of ./core"), ["A.b of ./core", "A.c of ./core"]);
  assertEquals(expand("{A, B}.{c, d}"), ["A.c", "A.d", "B.c", "B.d"]);
  assertEquals(expandName("A.b(c, d)"), ["A.b", "c of A.b", "d of A.b"]);
  assertEquals(expandName("c of A.b"), ["c of A.b"]);
});

test("kindsOf() refuses a name that is there twice", () => {
  assertEquals([...kindsOf({ method: ["a(b)"] })], [["a", "method"], ["b of a", "parameter"]]);
  assertThrows(() => kindsOf({ method: ["a"], field: ["a"] }), Error, '"a" is there twice');
});

test("find() tells values, types, fields and what is missing apart", () => {
  const found = (text: string) => find(parseTarget(text));
  assertEquals(found("VoiceConnection.leave"), "value");
  assertEquals(found("VoiceConnection.join"), "value");
  assertEquals(found("VoiceConnection.misspelt"), "field");
  assertEquals(found("SpeakingFlags.Microphone"), "value");
  assertEquals(found("SpeakingFlags.misspelt"), "missing");
  assertEquals(found("CLOSE_CODES[4006] of ./core"), "value");
  assertEquals(found("CLOSE_CODES[4007] of ./core"), "missing");
  assertEquals(found('"plain" in ALL_ENCRYPTION_MODES'), "value");
  assertEquals(found('"plane" in ALL_ENCRYPTION_MODES'), "missing");
  assertEquals(found("VoiceServer.token"), "type");
  assertEquals(found("./core"), "value");
  assertEquals(found("./nowhere"), "missing");
  assertThrows(() => parseTarget("A.b()"), SyntaxError, 'Cannot read the target "A.b()"');
});

test("reference() compiles only where the target exists", () => {
  const written = (text: string) => reference(parseTarget(text));
  assertEquals(written("VoiceServer.token"), 'main.VoiceServer["token"]');
  assertEquals(
    written("VoiceConnection.rtp.nonce"),
    'NonNullable<typeof main.VoiceConnection["prototype"]["rtp"]>["nonce"]',
  );
  assertEquals(written("VoiceConnection.join"), 'typeof main.VoiceConnection["join"]');
  assertEquals(written("joinVoice"), "typeof main.joinVoice");
  assertEquals(
    written("SendPayloads[0].token of ./core"),
    'NonNullable<core.SendPayloads[0]>["token"]',
  );
  assertEquals(
    written('VoiceConnection.on("speaking").ssrc'),
    'NonNullable<main.ConnectionEvents["speaking"]>["ssrc"]',
  );
  assertEquals(
    written('Networking.on("close") of ./networking'),
    'networking.NetworkingEvents["close"]',
  );
  assertEquals(written("./core"), undefined);
});
