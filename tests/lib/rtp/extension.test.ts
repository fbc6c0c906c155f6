// Invariant: whatever the body, parseExtensions() returns elements or throws RemoteProtocolError,
// leaves the body as it was, and keeps no part of it.
import { assertEquals, assertGreater, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleCiphers } from "../../../lib/secretbox.ts";
import { RemoteProtocolError } from "../../../lib/errors.ts";
import { type EncryptionMode, PacketCipher } from "../../../lib/packet.ts";
import { parseRtpHeader, RtpHeader } from "../../../lib/rtp_header.ts";
import {
  AUDIO_LEVEL_EXTENSION_ID,
  buildAudioLevel,
  buildExtensions,
  buildSpeaker,
  ONE_BYTE_EXTENSION_PROFILE,
  parseAudioLevel,
  parseExtensions,
  parseSpeaker,
  type RtpExtensionElement,
  SPEAKER_EXTENSION_ID,
  speakingOf,
} from "../../../lib/rtp/extension.ts";
import { SpeakingFlags } from "../../../lib/speaking.ts";
import {
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVectors,
  truncations,
} from "../../tools/vectors.ts";

interface SpeakingVectors {
  readonly cases: readonly { readonly speaking: number; readonly extension_byte: number }[];
}

const { vectors } = loadVectors<TransportVectors>("transport.json");
const { cases } = loadVectors<SpeakingVectors>("speaking_extension.json");

/** The elements of a body, as `id:data` in hexadecimal digits. */
function elementsOf(text: string): string[] {
  return parseExtensions(hex(text)).map(({ id, data }) => `${id}:${toHex(data)}`);
}

/** The extension's body of a vector, out of the opened packet. */
function bodyOf(id: string): Uint8Array {
  const { mode, key, packet } = byId(vectors, id);
  const datagram = hex(packet);
  const header = new RtpHeader();
  parseRtpHeader(datagram, header);
  const profile = datagram[header.clearSize - 4] << 8 | datagram[header.clearSize - 3];
  assertEquals(profile, ONE_BYTE_EXTENSION_PROFILE);
  const cipher = new PacketCipher(mode as EncryptionMode, hex(key!), nobleCiphers);
  const plaintext = new Uint8Array(datagram.length);
  cipher.open(datagram, header.clearSize, plaintext);
  return plaintext.slice(0, 4 * header.extensionWords);
}

function survives(body: Uint8Array): boolean {
  const before = body.slice();
  try {
    for (const { id, data } of parseExtensions(body)) {
      assertEquals(id >= 1 && id <= 14 && data.length >= 1 && data.length <= 16, true);
    }
    return true;
  } catch (error) {
    assertInstanceOf(error, RemoteProtocolError);
    return false;
  } finally {
    assertEquals(body, before);
  }
}

const EXPECTED = [
  { id: "V12", elements: ["1:b2", "9:02"], voice: true, speaking: SpeakingFlags.Microphone },
  {
    id: "V14",
    elements: ["1:b2", "9:05", "3:abcdef"],
    voice: true,
    speaking: SpeakingFlags.Priority | SpeakingFlags.Soundshare,
  },
  { id: "V17", elements: ["1:32", "9:02"], voice: false, speaking: SpeakingFlags.Microphone },
] as const;

for (const { id, elements, voice, speaking } of EXPECTED) {
  test(`parseExtensions() reads the body of ${id}`, () => {
    const body = bodyOf(id);
    assertEquals(toHex(body), byId(vectors, id).fields.ext_body);
    assertEquals(elementsOf(toHex(body)), [...elements]);
    const parsed = parseExtensions(body);
    assertEquals(parseAudioLevel(parsed[0].data), { voice, level: 50 });
    assertEquals(parseSpeaker(parsed[1].data), speaking);
    assertEquals(speakingOf(parsed), speaking);
  });
}

test("parseExtensions() reads every body of the vectors", () => {
  let count = 0;
  for (const { fields } of vectors) {
    if (typeof fields.ext_body !== "string") continue;
    assertGreater(elementsOf(fields.ext_body).length, 0);
    count++;
  }
  assertEquals(count, 7);
});

test("parseExtensions() skips padding wherever it is", () => {
  assertEquals(elementsOf(""), []);
  assertEquals(elementsOf("00000000"), []);
  assertEquals(elementsOf("0000107f00000090020000"), ["1:7f", "9:02"]);
});

test("parseExtensions() reads zeros inside of an element as its data", () => {
  assertEquals(elementsOf("23000000009002"), ["2:00000000", "9:02"]);
});

test("parseExtensions() stops at id 15, whatever its size says", () => {
  for (const stop of ["f0", "f7", "ff"]) {
    assertEquals(elementsOf("1032" + stop + "9002"), ["1:32"], stop);
    assertEquals(elementsOf("1032" + stop), ["1:32"], stop);
  }
});

test("parseExtensions() stops at id 0 with a size, as RFC 8285 wants", () => {
  for (const stop of ["01", "0f"]) assertEquals(elementsOf("1032" + stop + "9002"), ["1:32"], stop);
});

test("parseExtensions() reads the smallest and the largest element of each id", () => {
  for (let id = 1; id <= 14; id++) {
    for (let size = 1; size <= 16; size++) {
      const data = "a5".repeat(size);
      assertEquals(elementsOf((id << 4 | size - 1).toString(16) + data), [`${id}:${data}`]);
    }
  }
});

test("parseExtensions() rejects an element that reaches past the end", () => {
  assertThrows(
    () => parseExtensions(hex("103292abcd")),
    RemoteProtocolError,
    "Cannot parse the header extension at byte 2: element 9 has 3 bytes, 2 are left",
  );
  assertThrows(() => parseExtensions(hex("90")), RemoteProtocolError);
});

test("parseExtensions() rejects every truncation inside of an element", () => {
  const body = hex("10b29005" + "32abcdef");
  const whole = new Map([[0, 0], [2, 1], [4, 2]]);
  for (const part of truncations(body)) {
    const count = whole.get(part.length);
    assertEquals(survives(part), count !== undefined, `${part.length}`);
    if (count !== undefined) assertEquals(parseExtensions(part).length, count);
  }
});

test("parseExtensions() survives 20000 bodies of garbage", () => {
  const random = seededRandom(7);
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    if (survives(randomBytes(random, random() % 80))) accepted++;
  }
  assertGreater(accepted, 1000);
  assertGreater(20_000 - accepted, 1000);
});

test("parseExtensions() keeps nothing of the body", () => {
  const body = hex("10b29002");
  const elements = parseExtensions(body);
  body.fill(0xff);
  assertEquals(elements.map(({ data }) => toHex(data)), ["b2", "02"]);
});

test("buildExtensions() writes the bytes of V12 and V14, and V17 without inner padding", () => {
  for (const id of ["V12", "V14"]) {
    const body = bodyOf(id);
    assertEquals(buildExtensions(parseExtensions(body)), body);
  }
  assertEquals(toHex(buildExtensions(parseExtensions(bodyOf("V17")))), "10329002");
});

test("buildExtensions() pads to words", () => {
  assertEquals(toHex(buildExtensions([])), "");
  assertEquals(toHex(buildExtensions([{ id: 1, data: hex("7f") }])), "107f0000");
  assertEquals(toHex(buildExtensions([{ id: 14, data: hex("aabbccdd") }])), "e3aabbccdd000000");
});

test("buildExtensions() makes what parseExtensions() reads", () => {
  const random = seededRandom(8);
  for (let i = 0; i < 500; i++) {
    const elements: RtpExtensionElement[] = Array.from({ length: random() % 8 }, () => {
      return { id: 1 + random() % 14, data: randomBytes(random, 1 + random() % 16) };
    });
    const body = buildExtensions(elements);
    assertEquals(body.length % 4, 0);
    assertEquals(parseExtensions(body), elements);
  }
});

test("buildExtensions() takes ids 1 to 14 only", () => {
  for (const id of [-1, 0, 1.5, 15, 16, 256, NaN]) {
    assertThrows(
      () => buildExtensions([{ id, data: hex("00") }]),
      RangeError,
      `Cannot build a header extension: id ${id} is not 1 to 14`,
    );
  }
});

test("buildExtensions() takes 1 to 16 bytes only, and what a preamble can announce", () => {
  for (const size of [0, 17, 256]) {
    assertThrows(
      () => buildExtensions([{ id: 1, data: new Uint8Array(size) }]),
      RangeError,
      `Cannot build a header extension: element 1 has ${size} bytes, not 1 to 16`,
    );
  }
  const most = Array.from({ length: 15_420 }, () => ({ id: 1, data: new Uint8Array(16) }));
  assertEquals(buildExtensions(most).length, 4 * 0xffff);
  assertThrows(
    () => buildExtensions([...most, { id: 1, data: hex("00") }]),
    RangeError,
    "Cannot build a header extension of 262142 bytes: at most 262140 can be announced",
  );
});

for (const { speaking, extension_byte } of cases) {
  test(`buildSpeaker() and parseSpeaker() map ${speaking} to ${extension_byte} and back`, () => {
    const { id, data } = buildSpeaker(speaking);
    assertEquals([id, ...data], [SPEAKER_EXTENSION_ID, extension_byte]);
    assertEquals(parseSpeaker(data), speaking);
  });
}

test("the vectors of the speaker have each of the eight values", () => {
  assertEquals(cases.map(({ speaking }) => speaking), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test("buildSpeaker() and parseSpeaker() take no other bits", () => {
  assertEquals([...buildSpeaker(0xf8 | 5).data], [3]);
  assertEquals(parseSpeaker(Uint8Array.of(0xf8 | 3)), 5);
});

test("speakingOf() takes a missing or empty speaker for voice, and priority for both", () => {
  const { Microphone, Soundshare, Priority } = SpeakingFlags;
  const of = (speaking: number): number => speakingOf([buildSpeaker(speaking)]);
  assertEquals(speakingOf([]), Microphone);
  assertEquals(speakingOf([buildAudioLevel({ voice: true, level: 0 })]), Microphone);
  assertEquals(of(0), Microphone);
  assertEquals(of(Priority), Priority | Microphone);
  for (const speaking of [Microphone, Soundshare, Soundshare | Priority, 7]) {
    assertEquals(of(speaking), speaking);
  }
});

test("speakingOf() counts the first speaker element", () => {
  assertEquals(speakingOf([buildSpeaker(2), buildSpeaker(1)]), SpeakingFlags.Soundshare);
});

test("parseSpeaker(), speakingOf() and parseAudioLevel() want one byte", () => {
  for (const size of [0, 2, 16]) {
    const data = new Uint8Array(size);
    const text = (name: string): string => `Cannot parse the ${name}: it has ${size} bytes, not 1`;
    assertThrows(() => parseSpeaker(data), RemoteProtocolError, text("speaker"));
    const elements = [{ id: SPEAKER_EXTENSION_ID, data }];
    assertThrows(() => speakingOf(elements), RemoteProtocolError, text("speaker"));
    assertThrows(() => parseAudioLevel(data), RemoteProtocolError, text("audio level"));
  }
});

test("buildAudioLevel() and parseAudioLevel() agree on every byte", () => {
  for (let byte = 0; byte < 256; byte++) {
    const level = parseAudioLevel(Uint8Array.of(byte));
    assertEquals(level, { voice: byte >= 128, level: byte % 128 });
    const { id, data } = buildAudioLevel(level);
    assertEquals([id, ...data], [AUDIO_LEVEL_EXTENSION_ID, byte]);
  }
});

test("buildAudioLevel() takes integers of 0 to 127 only", () => {
  for (const level of [-1, 0.5, 128, 255, NaN, Infinity]) {
    assertThrows(
      () => buildAudioLevel({ voice: true, level }),
      RangeError,
      `Cannot build an audio level of ${level}: it is an integer of 0 to 127`,
    );
  }
});
