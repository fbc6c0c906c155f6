import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gcm } from "@noble/ciphers/aes.js";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { currentRuntime, runArguments, runtimePath } from "../examples/demo/runtimes.ts";
import { startChild } from "./tools/child.ts";
import { type Outcome, runCases } from "./tools/vector_runner.ts";
import { ShapeError } from "./tools/vector_runner/case.ts";
import { casesOf } from "./tools/vector_runner/shapes.ts";
import { hex, JSON_KINDS, loadVectors, randomBytes, seededRandom, toHex } from "./tools/vectors.ts";

type Json = Record<string, unknown>;

const PROGRAM = "tests/tools/vector_runner.ts";

/** How many cases each of our files has. */
const FILES: Readonly<Record<string, number>> = {
  "close_codes.json": 19,
  "discordjs_rtp_captures.json": 5,
  "doc_examples.json": 38,
  "ip_discovery.json": 3,
  "opus_head.json": 2,
  "serenity_voice_payloads.json": 24,
  "speaking_extension.json": 8,
  "transport.json": 67,
  "wycheproof/aes_gcm_test.json": 133,
  "wycheproof/chacha20_poly1305_test.json": 325,
  "wycheproof/xchacha20_poly1305_test.json": 315,
};

interface Run {
  readonly code: number | null;
  readonly outcomes: Outcome[];
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program as a user does. */
async function runProgram(args: readonly string[]): Promise<Run> {
  const runtime = currentRuntime();
  using child = startChild(await runtimePath(runtime), runArguments(runtime, PROGRAM, args));
  const { code, stdout, stderr } = await child.ended;
  const lines = stdout.split("\n").filter((line) => line !== "");
  const outcomes = lines.map((line) => {
    try {
      return JSON.parse(line) as Outcome;
    } catch {
      throw new Error(`Not a JSON line: ${line}`);
    }
  });
  return { code, outcomes, stdout, stderr };
}

/** Runs the program on a file of this content. */
async function runOn(content: string): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "sotto-"));
  try {
    // The name says nothing: the shape is told by the content.
    writeFileSync(join(folder, "x.bin"), content);
    return await runProgram([join(folder, "x.bin")]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The ids of the cases that fail, without a process. */
function failuresOf(file: unknown): (string | number)[] {
  return runCases(casesOf(file)).filter(({ ok }) => !ok).map(({ id }) => id);
}

/** The value at the end of a path. */
function at(file: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Json)[name], file);
}

/** A copy with another value at the end of a path. */
function withValue(file: Json, path: readonly (string | number)[], value: unknown): Json {
  const copy = structuredClone(file);
  const parent = at(copy, path.slice(0, -1)) as Json;
  parent[path.at(-1)!] = value;
  return copy;
}

/** Other values in place of one: each must make its case fail. */
function mutantsOf(value: unknown): unknown[] {
  if (typeof value === "number") return [value === 0 ? 1 : value - 1];
  if (typeof value === "boolean") return [!value];
  if (Array.isArray(value)) return [[...value, 1]];
  if (typeof value !== "string") return [];
  if (!/^(?:[0-9a-f]{2})+$/.test(value)) return [`${value}?`];
  const flipped = [0, value.length / 2 - 1].map((byte) => {
    const bytes = hex(value);
    bytes[byte] ^= 1;
    return toHex(bytes);
  });
  return [...flipped, value.slice(2), `${value}00`];
}

/** Every value of a case that is no object, with the path to it. */
function leavesOf(value: unknown, path: readonly (string | number)[]): (string | number)[][] {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) return [[...path]];
  return Object.entries(value as Json).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
}

/** Changes every value of a case in turn, and sees that this case fails, alone. */
function checkMutants(file: Json, path: readonly (string | number)[], skipped: RegExp): number {
  const id = runCases(casesOf(file))[0].id;
  assertEquals(failuresOf(file), []);
  let count = 0;
  for (const leaf of leavesOf(at(file, path), path)) {
    const name = leaf.slice(path.length).join(".");
    if (skipped.test(name)) continue;
    for (const mutant of mutantsOf(at(file, leaf))) {
      const failures = failuresOf(withValue(file, leaf, mutant));
      assertEquals(failures, [id], `${id}: ${name} = ${JSON.stringify(mutant)}`);
      count++;
    }
  }
  return count;
}

/** A transport file with one case. */
function only(section: string, item: unknown): Json {
  return { [section]: [item] };
}

const transport = loadVectors<Record<string, Json[]>>("transport.json");

/** Vectors of end-to-end encryption; `tests/lib/dave` runs them. */
const END_TO_END = /^(rfc9420\/|(libdave|dave)_|wycheproof\/(ecdh|ecdsa|hkdf)_)/;

test("every vector file is listed here", () => {
  const folder = new URL("./vectors/", import.meta.url);
  const names = readdirSync(folder, { recursive: true }).map((name) =>
    String(name).replaceAll("\\", "/")
  );
  const files = names.filter((name) => name.endsWith(".json") && !END_TO_END.test(name));
  assertEquals(files.sort(), Object.keys(FILES));
});

for (const [name, count] of Object.entries(FILES)) {
  test(`vectors ${name}: ${count} cases, all ok`, async () => {
    const { code, outcomes, stderr } = await runProgram([`tests/vectors/${name}`]);
    assertEquals(outcomes.filter(({ ok }) => !ok), []);
    assertEquals([code, outcomes.length, stderr], [0, count, ""]);
    assertEquals(new Set(outcomes.map(({ id }) => String(id))).size, count);
  });
}

test("vectors tells why each negative is rejected", () => {
  const outcomes = runCases(
    casesOf({ negative: transport.negative, ip_discovery: [...transport.ip_discovery] }),
  );
  const reasons = outcomes.filter(({ id }) => String(id).startsWith("N"))
    .map(({ id, why }) => [String(id).slice(0, 3), why]);
  assertEquals(Object.fromEntries(reasons), {
    N01: "wrong-type",
    N02: "wrong-size",
    N03: "wrong-length",
    N04: "bad-address",
    N05: "bad-address",
    N06: "wrong-ssrc",
    N07: "bad-address",
    N08: "bad-port",
    N10: "bad-tag",
    N11: "bad-tag",
    N12: "bad-tag",
    N13: "bad-tag",
    N14: "bad-tag",
    N15: "bad-tag",
    N16: "bad-padding",
    N17: "bad-padding",
    N18: "bad-extension",
    N19: "too-short",
    N20: "bad-version",
  });
});

test("vectors fails one case where one bit of a packet is flipped, and ends with 1", async () => {
  const file = JSON.parse(
    readFileSync(new URL("./vectors/transport.json", import.meta.url), "utf8"),
  );
  const packet = hex(file.vectors[11].packet);
  packet[30] ^= 4;
  file.vectors[11].packet = toHex(packet);
  const { code, outcomes, stderr } = await runOn(JSON.stringify(file));
  const failures = outcomes.filter(({ ok }) => !ok);
  assertEquals([code, outcomes.length, stderr], [1, 67, ""]);
  assertEquals(failures.map(({ id }) => id), ["V12-gcm_rtpsize-ext"]);
  assertMatch(failures[0].why!, /packet/);
});

for (const vector of transport.vectors) {
  test(`vectors fails ${vector.id} where any of its values is another`, () => {
    const count = checkMutants(only("vectors", vector), ["vectors", 0], /^(id|status|note)$/);
    assert(count > 20);
  });
}

for (
  const [section, free] of [
    ["ip_discovery", /^(id|era|note)$/],
    ["ws_binary", /^(id|note)$/],
  ] as const
) {
  for (const vector of transport[section]) {
    test(`vectors fails ${vector.id} where any of its values is another`, () => {
      assert(checkMutants(only(section, vector), [section, 0], free) > 3);
    });
  }
}

test("vectors fails a response of IP discovery that is another generation's", () => {
  const eras: Readonly<Record<string, string>> = {
    "D02": "70 byte, port big endian",
    "D04": "70 byte, port little endian",
    "D06": "74 byte",
    "D07": "70 byte with 74 byte style head",
    "D08": "70 byte, port big endian",
  };
  for (const vector of transport.ip_discovery) {
    const era = eras[String(vector.id).slice(0, 3)];
    if (era === undefined) continue;
    assertEquals(failuresOf(only("ip_discovery", { ...vector, era })), [vector.id]);
  }
});

test("vectors fails a negative that the core accepts, and one that fails too early", () => {
  const valid: Readonly<Record<string, string>> = {
    "aead_aes256_gcm_rtpsize": "V12-gcm_rtpsize-ext",
    "null": "D08-74-rsp",
  };
  const positives = [...transport.vectors, ...transport.ip_discovery];
  for (const negative of transport.negative) {
    const file = { negative: [negative], ip_discovery: transport.ip_discovery };
    assertEquals(failuresOf(file), []);
    const { packet } = positives.find(({ id }) => id === valid[String(negative.mode)])!;
    for (const change of [{ packet }, { expect: "accept" }, { packet: "zz" }, { mode: "none" }]) {
      const wrong = { ...file, negative: [{ ...negative, ...change }] };
      assertEquals(failuresOf(wrong), [negative.id], JSON.stringify(change));
    }
    if (!String(negative.why).startsWith("decrypts")) continue;
    const wrong = { ...negative, key: "00".repeat(32) };
    assertEquals(failuresOf({ negative: [wrong] }), [negative.id]);
  }
});

test("vectors tells why RTCP is rejected, and fails a negative of it that is accepted", () => {
  const [rtcp, plain] = ["V23-", "V26-"].map((id) =>
    transport.vectors.find((vector) => String(vector.id).startsWith(id))!
  );
  const run = (vector: Json, packet: string) => {
    const negative = { id: "x", expect: "reject", mode: vector.mode, key: vector.key, packet };
    return runCases(casesOf({ negative: [negative] }))[0];
  };
  const cut = String(rtcp.packet).slice(0, 32);
  assertEquals(run(rtcp, cut), { id: "x", ok: true, why: "too-short" });
  const packet = String(rtcp.packet);
  assertEquals(run(rtcp, packet).ok, false);
  assertEquals(run(rtcp, packet.slice(0, -2) + "ff").why, "bad-tag");
  // Its length is clear, and no cipher of the lite modes guards that.
  const lite = transport.vectors.find(({ id }) => String(id).startsWith("V25-"))!;
  assertMatch(
    run(lite, String(lite.packet).replace(/^81c90007/, "81c90008")).why!,
    /^Cannot parse RTCP/,
  );
  assertEquals(run(plain, String(plain.packet).replace(/^81c90007/, "81c90008")).why, "bad-tag");
});

test("vectors fails a keepalive of no form or of the other direction", () => {
  for (
    const [id, change] of [
      ["P01-ping-req", { packet: "1337caff00000001" }],
      ["P01-ping-req", { direction: "s2c" }],
      ["P02-ping-rsp", { packet: "1337f00c00000001" }],
      ["P02-ping-rsp", { direction: "c2s" }],
      ["P03-keepalive-le-counter", { packet: "0100000000000001" }],
      ["P04-keepalive-be-counter", { packet: "00000000000001" }],
      ["P05-keepalive-ssrc4", { packet: "deadbeef00" }],
      ["P06-keepalive-jda9", { packet: "c90000000000000001" }],
    ] as const
  ) {
    const vector = transport.udp_keepalive.find((candidate) => candidate.id === id)!;
    assertEquals(failuresOf(only("udp_keepalive", vector)), []);
    assertEquals(failuresOf(only("udp_keepalive", { ...vector, ...change })), [id]);
  }
});

for (
  const [name, free] of [
    ["discordjs_rtp_captures.json", /^(name|note)$/],
    ["ip_discovery.json", /^(name|expect)$/],
    ["speaking_extension.json", /^$/],
  ] as const
) {
  for (const [index, item] of loadVectors<{ cases: Json[] }>(name).cases.entries()) {
    test(`vectors fails ${name} ${item.name ?? index} where any of its values is another`, () => {
      // Without a key nothing looks at the ciphertext, and no extension is published to compare
      // with; without an answer any datagram is none.
      const skipped = "key_hex" in item || !("packet_hex" in item)
        ? free
        : /^(name|note|packet_hex|plaintext_hex)$/;
      const ignored = "datagram_hex" in item ? /./ : skipped;
      checkMutants({ cases: [item] }, ["cases", 0], ignored);
    });
  }
}

test("vectors fails a capture without key whose header or payload is another", () => {
  const { cases } = loadVectors<{ cases: Json[] }>("discordjs_rtp_captures.json");
  for (const item of cases.filter((candidate) => !("key_hex" in candidate))) {
    for (const byte of [0, 1, 3, 7, 11]) {
      const packet = hex(String(item.packet_hex));
      packet[byte] ^= byte === 0 ? 0x40 : 1;
      // The payload type is not published.
      const wanted = byte === 1 ? [] : [item.name];
      assertEquals(failuresOf({ cases: [{ ...item, packet_hex: toHex(packet) }] }), wanted);
    }
    const plain = String(item.plaintext_hex);
    for (const plaintext_hex of [plain.slice(0, -2), `${plain}00`, `${plain.slice(0, -2)}ff`]) {
      assertEquals(failuresOf({ cases: [{ ...item, plaintext_hex }] }), [item.name]);
    }
  }
});

test("vectors fails other datagrams of IP discovery than the one that is to be ignored", () => {
  const { cases } = loadVectors<{ cases: Json[] }>("ip_discovery.json");
  const datagram_hex = cases[1].response_hex;
  assertEquals(failuresOf({ cases: [{ ...cases[2], datagram_hex }] }), [cases[2].name]);
  assertEquals(failuresOf({ cases: [{ ...cases[2], expect: "accepted" }] }), [cases[2].name]);
});

test("vectors fails an OpusHead that says something else", () => {
  const { cases } = loadVectors<{ cases: Json[] }>("opus_head.json");
  for (const item of cases) {
    assert(checkMutants({ cases: [item] }, ["cases", 0], /^(name|opus_head_hex)$/) >= 4);
    for (
      const opus_head_hex of ["", "4f707573", String(item.opus_head_hex).replace("3801", "3901")]
    ) {
      assertEquals(failuresOf({ cases: [{ ...item, opus_head_hex }] }), [item.name]);
    }
  }
});

test("vectors fails a close code with another meaning, and one that must be left alone", () => {
  const { cases } = loadVectors<{ cases: Json[] }>("close_codes.json");
  const row = (code: number) => cases.find((item) => item.code === code)!;
  for (
    const [code, change] of [
      [4001, { documented: "Unknown protocol" }],
      [4016, { documented: "Unknown opcode" }],
      [4006, { do_not_reconnect: true }],
      [4015, { do_not_reconnect: true }],
      [4015, { resume: { a: false, b: false } }],
      [4001, { resume: { a: true, b: true } }],
      [4001, { resume: null }],
    ] as const
  ) {
    const item = { ...row(code), ...change };
    assertEquals(failuresOf({ cases: [item] }), [code], JSON.stringify(change));
  }
  assertEquals(failuresOf({ cases: [{ ...row(4001), code: 4099 }] }), [4099]);
});

test("vectors fails payloads of the documents with a field of another kind", () => {
  const { cases } = loadVectors<{ cases: { name: string; message: Json }[] }>("doc_examples.json");
  const wrong: Readonly<Record<string, Json>> = {
    "Gateway Voice State Update Example": { guild_id: 1, channel_id: "1" },
    "Example Voice Server Update Payload": { token: 1, endpoint: null },
    "Example Voice Identify Payload": { server_id: 5 },
    "Example Voice Ready Payload": { ssrc: -1 },
    "Example Hello Payload": { heartbeat_interval: 0 },
    "Example Heartbeat Payload since V8": { t: 1.5 },
    "Example Heartbeat ACK Payload since V8": { t: null },
    "Example Ready Payload": { modes: "x" },
    "Example Session Description Payload": { mode: "x", secret_key: [256, 0, 0] },
    "Example Speaking Payload": { speaking: "1" },
    "Example Resume Connection Payload Since V8": { seq_ack: 65536 },
    "Example Clients Connect": { user_ids: [1] },
    "Example Client Disconnect": {},
  };
  for (const [name, d] of Object.entries(wrong)) {
    const item = cases.find((candidate) => candidate.name === name)!;
    const message = { ...item.message, d };
    assertEquals(failuresOf({ cases: [item] }), []);
    assertEquals(failuresOf({ cases: [{ ...item, message }] }), [name], name);
  }
});

test("vectors fills in what documents elide, says so, and nothing else", () => {
  const run = (d: unknown) =>
    runCases(casesOf({ cases: [{ name: "x", message: { op: 4, d } }] }))[0];
  const mode = "aead_aes256_gcm_rtpsize";
  const { ok, why } = run({ mode, secret_key: [1, 2, 3] });
  assertEquals(ok, true);
  assertStringIncludes(why!, "filled in: secret_key");
  assertEquals(run({ mode, secret_key: Array(32).fill(1) }).why, "SessionDescription, receive");
  for (const secret_key of [[], Array(33).fill(1), "abc", undefined, [1, 300]]) {
    const outcome = run({ mode, secret_key });
    assertEquals(outcome.ok, false);
    assert(!/300|abc/.test(outcome.why!));
  }
});

test("vectors fails payloads of serenity that are read as something else", () => {
  const { cases } = loadVectors<{ cases: Json[] }>("serenity_voice_payloads.json");
  for (const item of cases) {
    const wrong = "json" in item
      ? { ...item, op: Number(item.op) + 1 }
      : { ...item, json_value: { op: 99, d: null } };
    assertEquals(failuresOf({ cases: [wrong] }), [item.name]);
  }
  const { json, ...rest } = cases[2];
  assertEquals(failuresOf({ cases: [{ ...rest, json: `${json}}` }] }), [rest.name]);
});

test("vectors fails a case of Wycheproof with any of its values changed", () => {
  for (
    const [file, index] of [["aes_gcm", 1], ["xchacha20_poly1305", 0], [
      "chacha20_poly1305",
      0,
    ]] as const
  ) {
    const loaded = loadVectors<{ algorithm: string; testGroups: { tests: Json[] }[] }>(
      `wycheproof/${file}_test.json`,
    );
    const { algorithm, testGroups } = loaded;
    const tests = testGroups[index].tests.filter(({ result, aad, msg }) =>
      result === "valid" && aad !== "" && msg !== ""
    );
    const group = { algorithm, testGroups: [{ tests: [tests[0]] }] };
    const path = ["testGroups", 0, "tests", 0];
    assert(checkMutants(group, path, /^(tcId|comment|flags)$/) > 20);
    const [forged] = testGroups[index].tests.filter(({ result }) => result === "invalid");
    const accepted = withValue(group, path, { ...forged, result: "valid" });
    assertEquals(failuresOf(accepted), [forged.tcId as number]);
  }
});

const CIPHERS: Readonly<
  Record<
    string,
    (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array) => {
      encrypt(plain: Uint8Array): Uint8Array;
    }
  >
> = {
  aead_aes256_gcm_rtpsize: gcm,
  aead_aes256_gcm: gcm,
  aead_xchacha20_poly1305_rtpsize: xchacha20poly1305,
  xsalsa20_poly1305_lite_rtpsize: (key, nonce) => xsalsa20poly1305(key, nonce),
  xsalsa20_poly1305_lite: (key, nonce) => xsalsa20poly1305(key, nonce),
  xsalsa20_poly1305_suffix: (key, nonce) => xsalsa20poly1305(key, nonce),
  xsalsa20_poly1305: (key, nonce) => xsalsa20poly1305(key, nonce),
};

/** A vector with values of its own, made without the core. */
function freshVector(mode: string, random: () => number): Json {
  const [key, opus] = [randomBytes(random, 32), randomBytes(random, random() % 200)];
  const csrc = Array.from({ length: random() % 16 }, () => random());
  const words = random() % 2 === 0 ? undefined : random() % 4;
  const padding = random() % 2 === 0 ? 0 : 1 + random() % 255;
  const [seq, timestamp, ssrc] = [random() >>> 16, random(), random()];
  const marker = random() % 2 === 0;
  const word = (value: number) => value.toString(16).padStart(8, "0");
  const fixed = (0x80 | (padding > 0 ? 0x20 : 0) | (words === undefined ? 0 : 0x10) | csrc.length)
    .toString(16) +
    (marker ? "f8" : "78") + seq.toString(16).padStart(4, "0") + word(timestamp) +
    word(ssrc);
  const body = words === undefined ? "" : toHex(randomBytes(random, 4 * words));
  const list = csrc.map(word).join("") + (words === undefined ? "" : `bede000${words}`);
  const tail = padding === 0 ? "" : toHex(randomBytes(random, padding - 1)) +
    padding.toString(16).padStart(2, "0");
  const clear = mode.endsWith("rtpsize") ? fixed + list : fixed;
  const plain = (mode.endsWith("rtpsize") ? "" : list) + body + toHex(opus) + tail;
  const wireSize = mode === "xsalsa20_poly1305" ? 0 : mode.endsWith("suffix") ? 24 : 4;
  const wire = toHex(randomBytes(random, wireSize));
  const nonce = (wireSize === 0 ? clear : wire).padEnd(mode.includes("aes256") ? 24 : 48, "0");
  const aead = mode.startsWith("aead");
  const box = toHex(CIPHERS[mode](key, hex(nonce), hex(clear)).encrypt(hex(plain)));
  return {
    id: `fresh ${mode} ${seq}`,
    kind: "rtp",
    mode,
    key: toHex(key),
    clear_prefix: clear,
    aad: aead ? clear : null,
    nonce_wire: wireSize === 0 ? null : wire,
    nonce,
    encrypted_plaintext: plain,
    ciphertext: aead ? box.slice(0, -32) : box.slice(32),
    tag: aead ? box.slice(-32) : box.slice(0, 32),
    packet: clear + box + wire,
    packet_len: (clear + box + wire).length / 2,
    fields: {
      seq,
      timestamp,
      ssrc,
      payload_type: 120,
      marker,
      csrc,
      ext_profile: words === undefined ? null : "bede",
      ext_body: words === undefined ? null : body,
      padding,
      opus: toHex(opus),
    },
  };
}

test("vectors runs packets with other keys and values, made without the core", async () => {
  const random = seededRandom(21);
  const vectors = Object.keys(CIPHERS).flatMap((mode) =>
    Array.from({ length: 30 }, () => freshVector(mode, random))
  );
  const wrong = vectors.map((vector, n) => {
    if (n % 7 !== 3) return vector;
    const fields = vector.fields as Json;
    return { ...vector, fields: { ...fields, timestamp: (fields.timestamp as number) ^ 1 } };
  });
  assertEquals(failuresOf({ vectors }), []);
  const { code, outcomes } = await runOn(JSON.stringify({ vectors: wrong }));
  assertEquals(outcomes.map(({ ok }) => ok), wrong.map((_, n) => n % 7 !== 3));
  assertEquals(code, 1);
});

test("vectors fails malformed cases, each in a line of its own, and never throws", () => {
  for (const name of Object.keys(FILES).filter((name) => !name.startsWith("wycheproof"))) {
    const file = loadVectors<Record<string, Json[]>>(name);
    for (
      const section of Object.keys(file).filter((key) =>
        key !== "source" && Array.isArray(file[key])
      )
    ) {
      for (const value of JSON_KINDS) {
        const outcomes = runCases(casesOf({ ...file, [section]: [value, ...file[section]] }));
        assertEquals(
          outcomes.map(({ ok }) => ok).indexOf(false),
          outcomes.findIndex(({ id }) => String(id).startsWith(section)),
        );
        assert(outcomes.filter(({ ok }) => !ok).every(({ why }) => why !== ""));
      }
      for (const field of Object.keys(file[section][0])) {
        for (const value of JSON_KINDS) {
          runCases(casesOf(withValue(file, [section, 0, field], value)));
        }
      }
    }
  }
});

test("vectors shows no key that it cannot read", () => {
  const key = "00112233445566778899aabbccddeefg";
  const vector = { ...transport.vectors[10], key };
  const [{ ok, why }] = runCases(casesOf({ vectors: [vector] }));
  assertEquals(ok, false);
  assert(!why!.includes("0011"), why);
});

test("vectors gives every case an id of its own", () => {
  const item = transport.vectors[10];
  const file = {
    vectors: [item, item],
    negative: [{ ...transport.negative[8], id: item.id }, null, 5],
  };
  const ids = runCases(casesOf(file)).map(({ id }) => id);
  assertEquals(ids, [
    `vectors/${item.id}#1`,
    `vectors/${item.id}#2`,
    `negative/${item.id}`,
    "negative#1",
    "negative#2",
  ]);
});

test("vectors fails the cases of an unknown section, and lets prose be a list", () => {
  const file = { about: ["two", "lines"], vectors: [transport.vectors[10]], srtp: [{ id: "S1" }] };
  assertEquals(failuresOf(file), ["S1"]);
});

test("vectors fails a negative that is a valid response of its own SSRC", () => {
  const packet = String(transport.ip_discovery.find(({ id }) => id === "D08-74-rsp")!.packet);
  const other = `${packet.slice(0, 8)}01020304${packet.slice(16)}`;
  const negative = { id: "X", packet: other, expect: "reject", why: "bad port", mode: null };
  const file = { negative: [negative], ip_discovery: transport.ip_discovery };
  assertEquals(failuresOf(file), ["X"]);
  for (const strict of [{ why: "another SSRC" }, { ssrc: 0xdeadbeef }]) {
    assertEquals(failuresOf({ ...file, negative: [{ ...negative, ...strict }] }), []);
  }
});

for (
  const [what, content, reason] of [
    ["no JSON", "{", "JSON"],
    ["a list", "[]", "it is no object"],
    ["nothing", "{}", "it has no vectors, testGroups or cases"],
    ["no case", '{"cases":[]}', "none of the transport"],
    ["empty sections", '{"vectors":[],"negative":[]}', "it has no cases"],
    ["DAVE frames", '{"what":"DAVE frames","cases":[{"frame_hex":"00"}]}', "(DAVE frames)"],
    ["MLS", '{"cases":[{"cipher_suite":2,"tree":"00"}]}', "none of the transport"],
    ["ECDH", '{"algorithm":"ECDH","testGroups":[]}', 'the algorithm is "ECDH"'],
  ] as const
) {
  test(`vectors ends with 2 for a file of another shape: ${what}`, async () => {
    const { code, stdout, stderr } = await runOn(content);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^Cannot run the vectors of /);
    assertStringIncludes(stderr, reason);
  });
}

test("vectors ends with 2 without a file, with two, and where there is none", async () => {
  for (const args of [[], ["a", "b"], ["--help"]]) {
    const { code, stdout, stderr } = await runProgram(args);
    assertEquals([code, stdout, stderr.trim()], [2, "", "Usage: vectors FILE"]);
  }
  const { code, stdout, stderr } = await runProgram(["tests/vectors/none.json"]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^Cannot run the vectors of tests\/vectors\/none\.json: .*none/i);
});

test("casesOf() throws nothing but a ShapeError", () => {
  for (const value of [...JSON_KINDS, { testGroups: {} }, { testGroups: [null] }, { cases: {} }]) {
    try {
      runCases(casesOf(value));
    } catch (error) {
      assert(error instanceof ShapeError, String(error));
    }
  }
});

test("the task `vectors` runs the program that is tested here", () => {
  const config = JSON.parse(readFileSync(new URL("../deno.json", import.meta.url), "utf8"));
  assertEquals(config.tasks.vectors.command, `deno run -A ${PROGRAM}`);
});
