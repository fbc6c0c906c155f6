/**
 * `transport.json`: encrypted packets, IP discovery, what must be rejected, UDP keepalives, and
 * binary frames of the WebSocket.
 *
 * @module
 */

import {
  keepalive,
  keepaliveForm,
  keepaliveReply,
  parseKeepalive,
  parseKeepaliveReply,
} from "../../../lib/keepalive.ts";
import { counterKeepalive, parseCounterKeepalive } from "../../../lib/keepalive_counter.ts";
import {
  decodeClientBinary,
  decodeServerBinary,
  encodeBinary,
  type VoiceMessage,
} from "../../../lib/messages.ts";
import { caseOf, type VectorCase } from "./case.ts";
import { checkDiscovery, discoveryRejection } from "./discovery.ts";
import {
  expectEqual,
  fail,
  type Fields,
  fieldsOf,
  hexField,
  integerField,
  isFields,
  textField,
} from "./fields.ts";
import { checkPacket, packetRejection } from "./packets.ts";

/** Reasons for which a packet is rejected before it is decrypted. */
const NOT_DECRYPTED: readonly string[] = ["too-short", "bad-version", "bad-tag"];

type Check = (fields: Fields, file: Fields) => string | void;

const SECTIONS: { readonly [section: string]: Check } = {
  vectors: checkPacket,
  ip_discovery: checkDiscovery,
  negative: checkNegative,
  udp_keepalive: checkKeepalive,
  ws_binary: checkBinaryFrame,
};

/**
 * Takes a file of the shape of `transport.json` apart.
 *
 * @param file The parsed file.
 * @returns Its cases, or `undefined` where it has another shape. The cases of a section that is
 * not known fail.
 */
export function transportCases(file: Fields): VectorCase[] | undefined {
  const sections = Object.keys(file).filter((name) => {
    const items = file[name];
    return Array.isArray(items) && (Object.hasOwn(SECTIONS, name) || items.some(isFields));
  });
  if (!sections.some((name) => Object.hasOwn(SECTIONS, name))) return undefined;
  return sections.flatMap((section) => {
    const check: Check = Object.hasOwn(SECTIONS, section)
      ? SECTIONS[section]
      : () => fail(`Nothing is known of "${section}"`);
    const items = file[section] as unknown[];
    return items.map((item) => caseOf(section, item, (fields) => check(fields, file)));
  });
}

function checkNegative(vector: Fields, file: Fields): string {
  const expected = textField(vector, "expect");
  if (expected !== "reject") fail(`"expect" is ${JSON.stringify(expected)}, not "reject"`);
  const isDiscovery = vector.mode === null || vector.mode === undefined;
  const reason = isDiscovery
    ? discoveryRejection(hexField(vector, "packet"), requestSsrc(vector, file))
    : packetRejection(vector);
  if (reason === undefined) fail("The core accepts it");
  const decrypts = typeof vector.why === "string" && /^decrypts\b/.test(vector.why);
  if (decrypts && NOT_DECRYPTED.includes(reason)) fail(`The core rejects it as ${reason} already`);
  return reason;
}

/**
 * The SSRC that a response is awaited for: the case's own or, where the reason is the SSRC, the
 * file's most frequent one. Elsewhere a wrong SSRC must not hide that nothing else is.
 */
function requestSsrc(vector: Fields, file: Fields): number | undefined {
  if ("ssrc" in vector) return integerField(vector, "ssrc");
  if (typeof vector.why !== "string" || !/ssrc/i.test(vector.why)) return undefined;
  const counts = new Map<number, number>();
  const responses = Array.isArray(file.ip_discovery) ? file.ip_discovery : [];
  for (const item of responses) {
    const ssrc = isFields(item) && isFields(item.fields) ? item.fields.ssrc : undefined;
    if (typeof ssrc === "number") counts.set(ssrc, (counts.get(ssrc) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function checkKeepalive(vector: Fields): string {
  const packet = hexField(vector, "packet");
  const direction = textField(vector, "direction");
  const sequence = parseKeepaliveReply(packet);
  if (sequence !== undefined) {
    expectEqual("The direction of a reply", direction, "s2c");
    expectEqual("The reply", keepaliveReply(sequence), packet);
    return "official, reply";
  }
  const form = keepaliveForm(packet) ?? fail("The core knows no such keepalive");
  if (form === "official") {
    expectEqual("The direction of a keepalive", direction, "c2s");
    expectEqual("The keepalive", keepalive(parseKeepalive(packet)!), packet);
  } else if (form === "counter-le" || form === "counter-be") {
    const counter = parseCounterKeepalive(packet, form)!;
    expectEqual("The keepalive", counterKeepalive(counter, form), packet);
  }
  return form;
}

function checkBinaryFrame(vector: Fields): void {
  const frame = hexField(vector, "frame");
  const fields = fieldsOf(vector.fields, '"fields"');
  const op = integerField(fields, "op", 255);
  const payload = hexField(fields, "payload");
  const seq = fields.seq === undefined ? undefined : integerField(fields, "seq", 0xffff);
  expectEqual("The message", decoded(textField(vector, "direction"), frame, seq), {
    op,
    d: payload,
    seq,
  });
  expectEqual("The frame", encodeBinary(op, payload, seq), frame);
}

/** A frame of a server has a sequence number from version 8 on, one of a client never. */
function decoded(direction: string, frame: Uint8Array, seq: number | undefined): VoiceMessage {
  if (direction === "c2s") return decodeClientBinary(frame);
  if (direction !== "s2c") fail(`"direction" is ${JSON.stringify(direction)}`);
  return decodeServerBinary(frame, seq === undefined ? 7 : 8);
}
