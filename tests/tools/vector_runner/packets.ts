/**
 * Encrypted packets: RTP and RTCP of every mode, opened, taken apart, and sealed again.
 *
 * @module
 */

import { classifyDatagram } from "../../../lib/demux.ts";
import { RemoteProtocolError } from "../../../lib/errors.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import {
  type EncryptionMode,
  isEncryptionMode,
  KEY_SIZE,
  PacketCipher,
} from "../../../lib/packet.ts";
import { parseRtcp, RTCP_CLEAR_SIZE } from "../../../lib/rtp/rtcp.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../../lib/rtp_header.ts";
import { openRtpPacket, type RtpPacket, sealRtpPacket } from "../../../lib/rtp/packet.ts";
import {
  expectEqual,
  fail,
  type Fields,
  fieldsOf,
  hexField,
  hexOrNone,
  textField,
} from "./fields.ts";
import { PROVIDERS } from "./wycheproof.ts";

/** The mode in a field. @throws {Error} It is none that is implemented. */
export function modeField(fields: Fields): EncryptionMode {
  const mode = textField(fields, "mode");
  return isEncryptionMode(mode) ? mode : fail(`"mode" is ${JSON.stringify(mode)}, which is none`);
}

/**
 * Makes a cipher for each AEAD implementation that is in use.
 *
 * @param mode The encryption mode.
 * @param key The key; none for `plain`.
 * @param wire The nonce as the packet is to show it.
 */
export function ciphersOf(
  mode: EncryptionMode,
  key: Uint8Array | undefined,
  wire: Uint8Array = new Uint8Array(),
): [name: string, cipher: PacketCipher][] {
  if (key === undefined && mode !== "plain") fail(`The mode ${mode} needs a key`);
  const secret = key ?? new Uint8Array(KEY_SIZE);
  // A counter is written big endian: whatever the sender's order was, it is some number so.
  const start = wire.length === 4 ? readU32(wire, 0) : 0;
  return PROVIDERS.map(([name, provider]) => {
    const random = (into: Uint8Array) => into.set(wire);
    return [name, new PacketCipher(mode, secret, provider, new NonceCounter(start), random)];
  });
}

/** Opens and seals a packet of `transport.json`. @throws {Error} It is not what the core does. */
export function checkPacket(vector: Fields): void {
  const mode = modeField(vector);
  const packet = hexField(vector, "packet");
  const wire = hexOrNone(vector, "nonce_wire");
  const clear = hexField(vector, "clear_prefix");
  const plain = hexField(vector, "encrypted_plaintext");
  const kind = classifyDatagram(packet);
  expectEqual("The kind of the datagram", kind, textField(vector, "kind"));
  checkLayout(vector, mode, packet);
  for (const [name, cipher] of ciphersOf(mode, hexOrNone(vector, "key"), wire)) {
    expectEqual("The clear header", clearHeader(cipher, packet, kind), clear);
    expectEqual(`The plaintext (${name})`, openWhole(cipher, packet, clear.length), plain);
    expectEqual("The nonce", cipher.openedNonce, hexOrNone(vector, "nonce") ?? new Uint8Array());
    if (mode !== "plain") {
      expectEqual(`The sealed packet (${name})`, sealWhole(cipher, clear, plain), packet);
    }
  }
  const wanted = fieldsOf(vector.fields, '"fields"');
  const [[, reader], [, writer]] = ciphersOf(mode, hexOrNone(vector, "key"), wire);
  if (kind === "rtcp") return checkRtcpFields(concat(clear, plain), wanted);
  const parts = checkRtpFields(reader, packet, wanted);
  if (mode !== "plain") checkBuilder(writer, packet, plain, parts);
}

/**
 * Takes an RTP packet apart and compares each field that the vector has.
 *
 * @returns The parts.
 */
export function checkRtpFields(
  cipher: PacketCipher,
  packet: Uint8Array,
  wanted: Fields,
): RtpPacket {
  const parts = openRtpPacket(cipher, packet);
  if (typeof parts === "string") return fail(`The core rejects it: ${parts}`);
  const { header, csrcs, extension, payload, padding } = parts;
  const got: Fields = {
    seq: header.sequence,
    timestamp: header.timestamp,
    ssrc: header.ssrc,
    payload_type: header.payloadType,
    marker: header.marker,
    csrc: csrcs,
    ext_profile: extension === undefined ? null : extension.profile.toString(16).padStart(4, "0"),
    ext_body: extension === undefined ? null : extension.body,
    padding,
    opus: payload,
  };
  expectFields(got, wanted);
  expectEqual("The payload in place", openInPlace(cipher, packet), payload);
  return parts;
}

/** Why the core rejects a packet, or `undefined` where it accepts it. */
export function packetRejection(vector: Fields): string | undefined {
  const packet = hexField(vector, "packet");
  const isRtcp = classifyDatagram(packet) === "rtcp";
  const ciphers = ciphersOf(modeField(vector), hexOrNone(vector, "key"));
  const reasons = ciphers.map(([, cipher]) =>
    isRtcp ? rtcpRejection(cipher, packet) : rtpRejection(cipher, packet)
  );
  expectEqual("The reason of the second AEAD", reasons[1], reasons[0]);
  return reasons[0];
}

function rtpRejection(cipher: PacketCipher, packet: Uint8Array): string | undefined {
  const parts = openRtpPacket(cipher, packet);
  const inPlace = openInPlace(cipher, packet);
  const reason = typeof parts === "string" ? parts : undefined;
  expectEqual("The reason in place", typeof inPlace === "string" ? inPlace : undefined, reason);
  return reason;
}

function rtcpRejection(cipher: PacketCipher, packet: Uint8Array): string | undefined {
  const plain = openWhole(cipher, packet, RTCP_CLEAR_SIZE);
  if (typeof plain === "string") return plain;
  try {
    parseRtcp(concat(packet.subarray(0, RTCP_CLEAR_SIZE), plain));
  } catch (error) {
    if (error instanceof RemoteProtocolError) return error.message;
    throw error;
  }
  return undefined;
}

/** Compares the parts of the packet that the vector spells out. */
function checkLayout(vector: Fields, mode: EncryptionMode, packet: Uint8Array): void {
  if ("packet_len" in vector) expectEqual("packet_len", packet.length, vector.packet_len);
  if (mode === "plain") {
    const added = ["aad", "nonce_wire", "nonce", "ciphertext", "tag"];
    return expectEqual(
      "What plain adds",
      added.filter((name) => (vector[name] ?? null) !== null),
      [],
    );
  }
  const clear = hexField(vector, "clear_prefix");
  const [ciphertext, tag] = [hexField(vector, "ciphertext"), hexField(vector, "tag")];
  const wire = hexOrNone(vector, "nonce_wire") ?? new Uint8Array();
  const isAead = mode.startsWith("aead_");
  expectEqual("The additional data", hexOrNone(vector, "aad"), isAead ? clear : undefined);
  const box = isAead ? [ciphertext, tag] : [tag, ciphertext];
  expectEqual("The layout of the packet", concat(clear, ...box, wire), packet);
}

function clearHeader(cipher: PacketCipher, packet: Uint8Array, kind: string): Uint8Array {
  if (kind === "rtcp") return packet.subarray(0, RTCP_CLEAR_SIZE);
  const header = new RtpHeader();
  const fault = parseRtpHeader(packet, header);
  return fault === undefined ? packet.subarray(0, cipher.clearSize(header)) : fail(fault);
}

/** All behind the clear header, or why it does not open. */
function openWhole(
  cipher: PacketCipher,
  packet: Uint8Array,
  clearSize: number,
): Uint8Array | string {
  const into = new Uint8Array(packet.length);
  const size = cipher.open(packet, clearSize, into);
  return size < 0 ? cipher.fault : into.subarray(0, size);
}

/** The payload, or why there is none. */
function openInPlace(cipher: PacketCipher, packet: Uint8Array): Uint8Array | string {
  const header = new RtpHeader();
  const fault = parseRtpHeader(packet, header);
  if (fault !== undefined) return fault;
  const into = new Uint8Array(packet.length);
  const size = cipher.openRtp(packet, header, into);
  return size < 0 ? cipher.fault : into.subarray(0, size);
}

function sealWhole(cipher: PacketCipher, clear: Uint8Array, plain: Uint8Array): Uint8Array {
  const packet = concat(clear, plain, new Uint8Array(cipher.overhead));
  cipher.seal(packet, clear.length, plain.length);
  return packet;
}

/** Builds the packet anew from its parts. */
function checkBuilder(
  cipher: PacketCipher,
  packet: Uint8Array,
  plain: Uint8Array,
  { header, csrcs, extension, payload, padding }: RtpPacket,
): void {
  // Padding is free but for its count; the builder's is zeros.
  if (plain.subarray(plain.length - padding, -1).some((byte) => byte !== 0)) return;
  const { sequence, timestamp, ssrc, payloadType, marker } = header;
  const fields = { sequence, timestamp, ssrc, payloadType, marker, csrcs, extension, padding };
  expectEqual("The built packet", sealRtpPacket(cipher, fields, payload), packet);
}

function checkRtcpFields(compound: Uint8Array, wanted: Fields): void {
  parseRtcp(compound);
  const got: Fields = {
    rtcp_type: compound[1],
    ssrc: readU32(compound, 4),
    count: compound[0] & 0x1f,
    length: compound[2] << 8 | compound[3],
  };
  expectFields(got, wanted);
}

function expectFields(got: Fields, wanted: Fields): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (!Object.hasOwn(got, name)) fail(`Nothing is known of the field "${name}"`);
    const isHex = typeof value === "string" && got[name] !== null;
    expectEqual(name, got[name], isHex ? value.toLowerCase() : value);
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
