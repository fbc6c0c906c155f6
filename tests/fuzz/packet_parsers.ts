/**
 * The parsers of datagrams: RTP, RTCP, encryption, IP discovery, keepalives.
 *
 * @module
 */

import { type Aead, type AeadProvider, TAG_SIZE } from "../../lib/aead.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { classifyDatagram, type DatagramKind, isRtcp, isRtp } from "../../lib/demux.ts";
import { RemoteProtocolError } from "../../lib/errors.ts";
import {
  DISCOVERY_FORMS,
  type DiscoveryFault,
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
  isDiscoveryResponse,
  isIpv4,
  isIpv6,
  looksLikeDiscoveryRequest,
  parseDiscoveryRequest,
  parseDiscoveryResponse,
} from "../../lib/ip_discovery.ts";
import {
  keepalive,
  type KeepaliveForm,
  keepaliveForm,
  keepaliveReply,
  parseKeepalive,
  parseKeepaliveReply,
} from "../../lib/keepalive.ts";
import { counterKeepalive, parseCounterKeepalive } from "../../lib/keepalive_counter.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import {
  ALL_ENCRYPTION_MODES,
  type EncryptionMode,
  KEY_SIZE,
  type OpenFault,
  PacketCipher,
} from "../../lib/packet.ts";
import {
  buildReceiverReport,
  buildSenderReport,
  openRtcp,
  parseRtcp,
  type ReportBlock,
  RTCP_CLEAR_SIZE,
  type RtcpPacket,
  sealRtcp,
} from "../../lib/rtp/rtcp.ts";
import {
  parseRtpHeader,
  readU32,
  RTP_HEADER_SIZE,
  type RtpFault,
  RtpHeader,
} from "../../lib/rtp_header.ts";
import { buildRtpHeader, readCsrcs } from "../../lib/rtp/header.ts";
import {
  buildRtpPacket,
  openRtpPacket,
  parseRtpPacket,
  type RtpPacket,
  sealRtpPacket,
} from "../../lib/rtp/packet.ts";
import {
  buildAudioLevel,
  buildExtensions,
  buildSpeaker,
  parseAudioLevel,
  parseExtensions,
  parseSpeaker,
  speakingOf,
} from "../../lib/rtp/extension.ts";
import { isIP } from "node:net";
import { byId, hex, loadVectors, toHex, type TransportVectors } from "../tools/vectors.ts";
import { join } from "./mutate.ts";
import {
  type AnyParser,
  BYTES,
  check,
  checkInteger,
  checkSame,
  checkU32,
  parser,
  rejection,
  TEXT,
} from "./parser.ts";

const TRANSPORT = loadVectors<TransportVectors>("transport.json");
const KEY = Uint8Array.from({ length: KEY_SIZE }, (_, i) => i);
const SEALED_MODE = "xsalsa20_poly1305_lite_rtpsize";
const DATAGRAM_SIZE = 65_536;

/** Names all members of a union; the type check fails where one is missing. */
function faults<F extends string>(names: Readonly<Record<F, true>>): F[] {
  return Object.keys(names) as F[];
}

export const RTP_FAULTS: readonly RtpFault[] = faults<RtpFault>({
  "too-short": true,
  "bad-version": true,
});

export const OPEN_FAULTS: readonly OpenFault[] = faults<OpenFault>({
  "too-short": true,
  "bad-tag": true,
  "bad-extension": true,
  "bad-padding": true,
});

const DISCOVERY_FAULTS = faults<DiscoveryFault>({
  "wrong-size": true,
  "wrong-type": true,
  "wrong-length": true,
  "wrong-ssrc": true,
  "bad-address": true,
  "bad-port": true,
});

/** The 70-byte forms have no type, no length, and an SSRC that is not looked at. */
const OLD_DISCOVERY_FAULTS: readonly DiscoveryFault[] = ["wrong-size", "bad-address", "bad-port"];

function vectorsOf(mode: string): Uint8Array[] {
  return TRANSPORT.vectors.filter((vector) => vector.mode === mode && vector.kind === "rtp")
    .map(({ packet }) => hex(packet));
}

// RTP

const rtpHeader = parser({
  name: "parseRtpHeader",
  covers: ["parseRtpHeader", "readCsrcs"],
  domain: BYTES,
  seeds: TRANSPORT.vectors.filter(({ kind }) => kind === "rtp").map(({ packet }) => hex(packet)),
  outcomes: ["header", ...RTP_FAULTS],
  run: (datagram) => {
    const header = new RtpHeader();
    const fault = parseRtpHeader(datagram, header);
    if (fault !== undefined) return fault;
    checkHeader(header, datagram);
    // Without the extension, which this parser does not go into.
    const size = RTP_HEADER_SIZE + 4 * header.csrcCount;
    const again = buildRtpHeader({
      ...header,
      csrcs: readCsrcs(datagram, header),
      extension: undefined,
    });
    again[0] |= datagram[0] & 0x10;
    checkSame("the header built again", again, datagram.subarray(0, size));
    return "header";
  },
  large: {
    "65536 bytes of 0x9f": ["header", () => new Uint8Array(DATAGRAM_SIZE).fill(0x9f)],
  },
});

function checkHeader(header: RtpHeader, datagram: Uint8Array): void {
  checkInteger("payloadType", header.payloadType, 0, 127);
  checkInteger("sequence", header.sequence, 0, 0xffff);
  checkU32("timestamp", header.timestamp);
  checkU32("ssrc", header.ssrc);
  checkInteger("extensionWords", header.extensionWords, 0, header.extension ? 0xffff : 0);
  checkInteger("csrcCount", header.csrcCount, 0, 15);
  checkInteger("clearSize", header.clearSize, RTP_HEADER_SIZE, datagram.length);
}

// Encryption

/** A cipher without secrets: the tag is good where its first byte is below 0x80. */
function looseCipher(tagFirst: boolean): () => Aead {
  return () => ({
    seal(packet, aadSize, plainSize) {
      if (tagFirst) packet.copyWithin(aadSize + TAG_SIZE, aadSize, aadSize + plainSize);
      const at = tagFirst ? aadSize : aadSize + plainSize;
      packet.fill(0, at, at + TAG_SIZE);
    },
    open(packet, aadSize, cipherSize, _nonce, into) {
      const from = tagFirst ? aadSize + TAG_SIZE : aadSize;
      into.set(packet.subarray(from, from + cipherSize));
      return packet[tagFirst ? aadSize : aadSize + cipherSize] < 0x80;
    },
  });
}

/** Lets mutated packets through, which a real cipher would not: what comes behind it is met. */
export const LOOSE_AEAD: AeadProvider = {
  aes256gcm: looseCipher(false),
  xchacha20poly1305: looseCipher(false),
  xsalsa20poly1305: looseCipher(true),
};

/** Packets of a mode: bare, with extension, CSRC and padding, and of padding only. */
export function packetsOf(mode: EncryptionMode, aead: AeadProvider, key: Uint8Array): Uint8Array[] {
  const headers = ["80", "90", "82", "b2"].map((first) =>
    join(
      hex(`${first}7812340a0b0c0d00000d09`),
      hex(first === "82" || first === "b2" ? "0000000100000002" : ""),
      hex(first === "90" || first === "b2" ? "bede000110b29002" : ""),
    )
  );
  const cipher = new PacketCipher(mode, key, aead, new NonceCounter(7), (into) => into.fill(0x41));
  return headers.flatMap((header) =>
    ["f8fffe", "", "f8fffe00000004"].map((payload) => seal(cipher, join(header, hex(payload))))
  );
}

/** Seals a packet as it is, whatever its header says. */
function seal(cipher: PacketCipher, plain: Uint8Array): Uint8Array {
  if (cipher.mode === "plain") return plain;
  const header = new RtpHeader();
  parseRtpHeader(plain, header);
  const clearSize = cipher.clearSize(header);
  const packet = join(plain, new Uint8Array(cipher.overhead));
  cipher.seal(packet, clearSize, plain.length - clearSize);
  return packet;
}

/** Opens a packet as the media plane does, and compares it with what a model says. */
function openRtp(cipher: PacketCipher, datagram: Uint8Array): string {
  const header = new RtpHeader();
  const fault = parseRtpHeader(datagram, header);
  if (fault !== undefined) return `header ${fault}`;
  const into = new Uint8Array(datagram.length);
  const plain = new Uint8Array(datagram.length);
  const plainSize = cipher.open(datagram, cipher.clearSize(header), plain);
  const openFault = cipher.fault;
  const size = cipher.openRtp(datagram, header, into);
  checkInteger("the size", size, -1, into.length);
  checkInteger("extensionWords", header.extensionWords, 0, 0xffff);
  if (size < 0 && plainSize < 0) {
    check(cipher.fault === openFault, () => `open says ${openFault}, openRtp ${cipher.fault}`);
  }
  const fields = openRtpPacket(cipher, datagram);
  if (size < 0) {
    check(fields === cipher.fault, () => `openRtp says ${cipher.fault}, openRtpPacket ${fields}`);
    return cipher.fault;
  }
  check(typeof fields !== "string", () => `openRtpPacket says ${fields}`);
  checkSame("the payload of openRtpPacket", fields.payload, into.subarray(0, size));
  check(plainSize >= size, () => `openRtp gives ${size} bytes of ${plainSize}`);
  const whole = join(datagram.subarray(0, cipher.clearSize(header)), plain.subarray(0, plainSize));
  checkSame("the payload", into.subarray(0, size), payloadOf(whole));
  return size === 0 ? "no payload" : "payload";
}

/** The payload of a decrypted packet, as RFC 3550 section 5.1 has it. */
function payloadOf(packet: Uint8Array): Uint8Array {
  let start = RTP_HEADER_SIZE + 4 * (packet[0] & 0x0f);
  if ((packet[0] & 0x10) !== 0) start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3]);
  const end = packet.length - ((packet[0] & 0x20) === 0 ? 0 : packet[packet.length - 1]);
  check(start <= end, () => `a payload from ${start} to ${end}`);
  return packet.subarray(start, end);
}

function openRtpParser(mode: EncryptionMode): AnyParser {
  const cipher = new PacketCipher(mode, KEY, LOOSE_AEAD, undefined, (into) => into.fill(0));
  const sealLarge = (header: string) => seal(cipher, join(hex(header), new Uint8Array(65_000)));
  return parser({
    name: `PacketCipher.openRtp ${mode}`,
    covers: [],
    domain: BYTES,
    seeds: [...packetsOf(mode, LOOSE_AEAD, KEY), ...vectorsOf(mode)],
    outcomes: [
      ...["payload", "no payload", "bad-extension", "bad-padding"],
      ...RTP_FAULTS.map((fault) => `header ${fault}`),
      ...(mode === "plain" ? [] : ["too-short", "bad-tag"]),
    ],
    run: (datagram) => openRtp(cipher, datagram),
    large: {
      "65000 bytes with an extension of 65535 words": [
        "bad-extension",
        () => sealLarge("907812340a0b0c0d00000d09bedeffff"),
      ],
      "65000 bytes of payload": ["payload", () => sealLarge("807812340a0b0c0d00000d09")],
    },
  });
}

/** A mode with its real cipher; a packet that opens is sealed again. */
function realCipherParser(mode: EncryptionMode): AnyParser {
  const cipher = new PacketCipher(mode, KEY, nobleCiphers);
  const vectors = TRANSPORT.vectors.filter((vector) =>
    vector.mode === mode && (vector.key === null || vector.key === toHex(KEY))
  );
  return parser({
    name: `PacketCipher.open ${mode}`,
    covers: [],
    domain: BYTES,
    seeds: [...packetsOf(mode, nobleCiphers, KEY), ...vectors.map(({ packet }) => hex(packet))],
    outcomes: [
      "payload",
      ...RTP_FAULTS.map((fault) => `header ${fault}`),
      ...(mode === "plain" ? [] : ["too-short", "bad-tag"]),
    ],
    share: 1 / ALL_ENCRYPTION_MODES.length,
    run: (datagram) => {
      if (isRtcp(datagram)) return openAndSealRtcp(cipher, datagram);
      const header = new RtpHeader();
      const fault = parseRtpHeader(datagram, header);
      if (fault !== undefined) return `header ${fault}`;
      return openAndSeal(cipher, datagram, cipher.clearSize(header));
    },
  });
}

function openAndSealRtcp(cipher: PacketCipher, datagram: Uint8Array): string {
  const outcome = openAndSeal(cipher, datagram, RTCP_CLEAR_SIZE);
  const compound = openRtcp(cipher, datagram);
  if (outcome !== "payload") check(compound === outcome, () => `openRtcp says ${compound}`);
  else check(typeof compound !== "string", () => `openRtcp says ${compound}`);
  return outcome;
}

function openAndSeal(cipher: PacketCipher, datagram: Uint8Array, clearSize: number): string {
  const into = new Uint8Array(datagram.length);
  const size = cipher.open(datagram, clearSize, into);
  checkInteger("the size", size, -1, into.length);
  if (size < 0) return cipher.fault;
  check(size === datagram.length - clearSize - cipher.overhead, () => `${size} bytes of plaintext`);
  if (cipher.mode === "plain") return "payload";
  const nonce = cipher.openedNonce.slice();
  const counter = new NonceCounter(readU32(nonce, 0));
  const sealer = new PacketCipher(cipher.mode, KEY, nobleCiphers, counter, (to) => to.set(nonce));
  const room = new Uint8Array(cipher.overhead);
  const again = join(datagram.subarray(0, clearSize), into.subarray(0, size), room);
  sealer.seal(again, clearSize, size);
  checkSame("the packet sealed again", again, datagram);
  return "payload";
}

const rtpPacket = parser({
  name: "parseRtpPacket",
  covers: ["parseRtpPacket", "openRtpPacket"],
  domain: BYTES,
  seeds: [...packetsOf("plain", nobleCiphers, KEY), ...vectorsOf("plain")],
  outcomes: ["packet", "elements", ...RTP_FAULTS, "bad-extension", "bad-padding"],
  run: (datagram) => {
    const packet = parseRtpPacket(datagram);
    if (typeof packet === "string") return packet;
    checkHeader(packet.header, datagram);
    checkRtpPacket(packet, datagram);
    return packet.elements.length > 0 ? "elements" : "packet";
  },
  large: {
    "65536 bytes of extension": ["elements", () => {
      const packet = new Uint8Array(12 + 4 + 4 * 0x3000).fill(0x10);
      packet.set(hex("907812340a0b0c0d00000d09bede3000"));
      return packet;
    }],
  },
});

function checkRtpPacket(packet: RtpPacket, datagram: Uint8Array): void {
  const { header, csrcs, extension, elements, payload, padding } = packet;
  checkInteger("padding", padding, header.padding ? 1 : 0, header.padding ? 255 : 0);
  check(payload.buffer !== datagram.buffer, () => "the payload is a view of the input");
  check(csrcs.length === header.csrcCount, () => `${csrcs.length} of ${header.csrcCount} CSRCs`);
  checkInteger("elements", elements.length, 0, (extension?.body.length ?? 0) / 2);
  const fields = { ...header, csrcs, extension, padding };
  const again = buildRtpPacket(fields, payload);
  const zeros = again.length - Math.max(1, padding);
  checkSame("the packet built again", again.subarray(0, zeros), datagram.subarray(0, zeros));
  const cipher = new PacketCipher(SEALED_MODE, KEY, LOOSE_AEAD);
  const opened = openRtpPacket(cipher, sealRtpPacket(cipher, fields, payload));
  check(JSON.stringify(opened) === JSON.stringify(packet), () => "sealed and opened it differs");
}

// RTCP

const BLOCK: ReportBlock = {
  ssrc: 1,
  fractionLost: 128,
  cumulativeLost: -2,
  highestSequence: 70_000,
  jitter: 5,
  lastSenderReport: 6,
  delaySinceLastSenderReport: 7,
};

const SENDER_INFO = {
  ssrc: 9,
  ntpTimestamp: 0x0123456789abcdefn,
  rtpTimestamp: 3,
  packetCount: 4,
  octetCount: 5,
};

const RTCP_SEEDS: readonly Uint8Array[] = [
  buildReceiverReport(9, []),
  buildReceiverReport(9, [BLOCK, BLOCK]),
  buildSenderReport({ ...SENDER_INFO, blocks: [] }),
  buildSenderReport({ ...SENDER_INFO, blocks: [BLOCK] }),
  hex("81ca000400000009010561407a2e6300"), // SDES with a chunk too few
  hex("81ca000300000009010461407a2e0000"),
  hex("82ca00060000000901016102026262000000000a0601c30000000000"),
  hex("81cb000100000009"),
  hex("81cb00030000000905676f6e65210000"),
  hex("81cb000200000009" + "03c3a9ff"),
  hex("85cc00030000000974657374deadbeef"),
  hex("81cd0003000000090000000a00010003"),
  hex("8fcd0003000000090000000adeadbeef"),
  hex("81ce0002000000090000000a"),
  hex("8fce0005000000090000000052454d42010bffff0000000a"),
  hex("8fce0003000000090000000052454d42"),
  hex("84ce0003000000090000000a01020304"),
  hex("80d00001deadbeef"),
  hex("a0c90002000000090000000000000004").subarray(0, 12),
  hex("a0c9000200000009000000048"),
  join(buildReceiverReport(9, [BLOCK]), hex("81ca000300000009010461407a2e0000")),
  ...TRANSPORT.vectors.filter(({ kind }) => kind === "rtcp").map((vector) =>
    join(hex(vector.clear_prefix), hex(vector.encrypted_plaintext))
  ),
];

const RTCP_FAULTS: readonly string[] = [
  "# bytes are left, a header has #",
  "the version is #, not #",
  "the packet has # bytes, # are left",
  "there is padding before the last packet",
  "# bytes of padding in a packet of #",
  "a sender report with # blocks needs # bytes, the packet has #",
  "a receiver report with # blocks needs # bytes, the packet has #",
  "a source description up to chunk # of # needs # bytes, the packet has #",
  "a source description up to the item at its byte # needs # bytes, the packet has #",
  "a source description with its last chunk ended needs # bytes, the packet has #",
  "a source description with # chunks has # bytes, the packet #",
  "a bye of # sources needs # bytes, the packet has #",
  "a bye with a reason of # bytes needs # bytes, the packet has #",
  "a bye with a reason of # bytes has # bytes, the packet #",
  "a packet of an application needs # bytes, the packet has #",
  "a transport feedback needs # bytes, the packet has #",
  "a NACK needs # bytes, the packet has #",
  "a payload feedback needs # bytes, the packet has #",
  "a picture loss indication has # bytes, the packet #",
  "a REMB needs # bytes, the packet has #",
  "a REMB of # sources has # bytes, the packet #",
];

const rtcp = parser({
  name: "parseRtcp",
  covers: ["parseRtcp"],
  domain: BYTES,
  seeds: RTCP_SEEDS,
  outcomes: [
    ...faults<RtcpPacket["type"]>({
      senderReport: true,
      receiverReport: true,
      sourceDescription: true,
      bye: true,
      application: true,
      nack: true,
      transportFeedback: true,
      pictureLoss: true,
      maximumBitrate: true,
      payloadFeedback: true,
      unknown: true,
    }),
    "RemoteProtocolError: Cannot parse RTCP: the compound is empty",
    ...RTCP_FAULTS.map((fault) => `RemoteProtocolError: Cannot parse RTCP at byte #: ${fault}`),
  ],
  run: (compound) => {
    let packets: RtcpPacket[];
    try {
      packets = parseRtcp(compound);
    } catch (error) {
      return rejection(error, RemoteProtocolError);
    }
    checkInteger("packets", packets.length, 1, compound.length / 4);
    for (const packet of packets) checkRtcpPacket(packet, compound);
    checkRebuilt(packets, compound);
    return packets.map(({ type }) => type).at(-1)!;
  },
  large: {
    "65536 bytes of empty packets": ["unknown", () => {
      const compound = new Uint8Array(DATAGRAM_SIZE);
      for (let at = 0; at < compound.length; at += 4) compound.set([0x80, 208, 0, 0], at);
      return compound;
    }],
    "a NACK of 65536 bytes with every bit set": ["nack", () => {
      const compound = new Uint8Array(DATAGRAM_SIZE).fill(0xff);
      compound.set([0x81, 205, 0x3f, 0xff]);
      return compound;
    }],
    "a source description of 65536 bytes with items of one byte": ["sourceDescription", () => {
      const compound = new Uint8Array(DATAGRAM_SIZE).fill(1);
      compound.set([0x81, 202, 0x3f, 0xff]);
      compound.fill(0, DATAGRAM_SIZE - 2);
      return compound;
    }],
  },
});

function openRtcpParser(mode: EncryptionMode): AnyParser {
  const cipher = new PacketCipher(mode, KEY, LOOSE_AEAD, undefined, (into) => into.fill(0x41));
  const sealed = (compound: Uint8Array) => mode === "plain" ? compound : sealRtcp(cipher, compound);
  return parser({
    name: `openRtcp ${mode}`,
    covers: ["openRtcp"],
    domain: BYTES,
    seeds: RTCP_SEEDS.map(sealed),
    outcomes: ["packets", "no packets", "too-short", ...(mode === "plain" ? [] : ["bad-tag"])],
    share: 1 / ALL_ENCRYPTION_MODES.length,
    run: (datagram) => {
      const compound = openRtcp(cipher, datagram);
      if (typeof compound === "string") return compound;
      check(compound.buffer !== datagram.buffer, () => "the compound is a view of the input");
      const size = datagram.length - (mode === "plain" ? 0 : cipher.overhead);
      check(compound.length === size, () => `${compound.length} bytes, not ${size}`);
      const clear = datagram.subarray(0, RTCP_CLEAR_SIZE);
      checkSame("the clear header", compound.subarray(0, RTCP_CLEAR_SIZE), clear);
      const again = openRtcp(cipher, sealed(compound));
      check(typeof again !== "string", () => `sealed again it is ${again}`);
      checkSame("the compound once more", again, compound);
      return attempt(() => parseRtcp(compound)) === undefined ? "no packets" : "packets";
    },
    large: {
      "65536 bytes": ["packets", () => {
        const compound = new Uint8Array(DATAGRAM_SIZE);
        compound.set([0x80, 204, 0x3f, 0xff]);
        return sealed(compound);
      }],
    },
  });
}

function checkRtcpPacket(packet: RtcpPacket, compound: Uint8Array): void {
  const limit = compound.length;
  for (const [name, value] of Object.entries(packet)) {
    if (typeof value === "number" && name !== "bitrate") checkU32(name, value);
    if (value instanceof Uint8Array) {
      check(value.buffer !== compound.buffer, () => `${name} is a view of the input`);
      checkInteger(`words of ${name}`, value.length / 4, 0, limit / 4);
    }
  }
  switch (packet.type) {
    case "senderReport":
    case "receiverReport":
      checkInteger("blocks", packet.blocks.length, 0, 31);
      return packet.blocks.forEach(checkBlock);
    case "sourceDescription":
      checkInteger("chunks", packet.chunks.length, 0, 31);
      return packet.chunks.forEach(({ ssrc, items }) => {
        checkU32("ssrc", ssrc);
        for (const { type, text } of items) {
          checkInteger("type", type, 1, 255);
          checkInteger("text", text.length, 0, 255);
        }
      });
    case "bye":
      checkInteger("ssrcs", packet.ssrcs.length, 0, 31);
      return packet.ssrcs.forEach((ssrc) => checkU32("ssrc", ssrc));
    case "nack":
      checkInteger("sequences", packet.sequences.length, 1, 17 * limit / 4);
      return packet.sequences.forEach((sequence) => checkInteger("sequence", sequence, 0, 0xffff));
    case "maximumBitrate":
      checkInteger("ssrcs", packet.ssrcs.length, 0, 255);
      check(packet.bitrate >= 0 && packet.bitrate < 2 ** 81, () => `bitrate ${packet.bitrate}`);
  }
}

function checkBlock(block: ReportBlock): void {
  for (const [name, value] of Object.entries(block)) {
    if (name !== "cumulativeLost") checkU32(name, value);
  }
  checkInteger("fractionLost", block.fractionLost, 0, 255);
  checkInteger("cumulativeLost", block.cumulativeLost, -0x800000, 0x7fffff);
}

/** A report that stands alone, without padding and extension, is built again. */
function checkRebuilt(packets: readonly RtcpPacket[], compound: Uint8Array): void {
  const [packet] = packets;
  if (packets.length !== 1 || (compound[0] & 0x20) !== 0) return;
  if (packet.type !== "senderReport" && packet.type !== "receiverReport") return;
  if (packet.extension.length > 0) return;
  const again = packet.type === "senderReport"
    ? buildSenderReport(packet)
    : buildReceiverReport(packet.ssrc, packet.blocks);
  checkSame("the report built again", again, compound);
}

// Header extensions

const EXTENSION_SEEDS: readonly Uint8Array[] = [
  hex("10b29002"),
  hex("90020000"),
  hex("10b20000"),
  hex("9f000102030405060708090a0b0c0d0e0f0000ff"),
  hex("00000010b2000090050000f0ff"),
  hex("03aabbccdd"),
  buildExtensions([buildAudioLevel({ voice: true, level: 50 }), buildSpeaker(1)]),
  buildExtensions(
    Array.from({ length: 14 }, (_, i) => ({ id: i + 1, data: new Uint8Array(i + 1) })),
  ),
];

const extensions = parser({
  name: "parseExtensions",
  covers: ["parseExtensions"],
  domain: BYTES,
  seeds: EXTENSION_SEEDS,
  outcomes: [
    ...["elements", "nothing"],
    "RemoteProtocolError: Cannot parse the header extension at byte #: element # has # bytes, # are left",
  ],
  run: (body) => {
    try {
      const elements = parseExtensions(body);
      checkInteger("elements", elements.length, 0, body.length / 2);
      for (const { id, data } of elements) {
        checkInteger("id", id, 1, 14);
        checkInteger("bytes", data.length, 1, 16);
        check(data.buffer !== body.buffer, () => `element ${id} is a view of the input`);
      }
      const again = parseExtensions(buildExtensions(elements));
      check(elements.length === again.length, () => `${again.length} elements once more`);
      again.forEach(({ id, data }, i) => {
        check(id === elements[i].id, () => `element ${i} is ${id} once more`);
        checkSame(`element ${i} once more`, data, elements[i].data);
      });
      return elements.length === 0 ? "nothing" : "elements";
    } catch (error) {
      return rejection(error, RemoteProtocolError);
    }
  },
  large: {
    "65535 elements of one byte": ["elements", () => new Uint8Array(2 * 65_535).fill(0x10)],
    "262140 zeros": ["nothing", () => new Uint8Array(4 * 65_535)],
  },
});

const speaker = parser({
  name: "parseSpeaker, parseAudioLevel, speakingOf",
  covers: ["parseSpeaker", "parseAudioLevel", "speakingOf"],
  domain: BYTES,
  seeds: [hex("02"), hex("01"), hex("04"), hex("b2"), hex("7f"), hex("")],
  outcomes: [
    "speaker",
    "RemoteProtocolError: Cannot parse the speaker: it has # bytes, not #",
  ],
  run: (data) => {
    const element = { id: 9, data };
    const level = attempt(() => parseAudioLevel(data));
    const speaking = attempt(() => speakingOf([{ id: 1, data }, element, buildSpeaker(0)]));
    try {
      const flags = parseSpeaker(data);
      checkInteger("flags", flags, 0, 7);
      checkInteger("speakingOf", speaking, 1, 7);
      checkInteger("the flags that speakingOf adds", (speaking as number) & ~flags, 0, 1);
      checkSame("the speaker built again", buildSpeaker(flags).data, Uint8Array.of(data[0] & 7));
      const { level: loudness } = level as { level: number };
      checkInteger("level", loudness, 0, 127);
      checkSame("the level built again", buildAudioLevel(level as never).data, data);
      return "speaker";
    } catch (error) {
      const name = rejection(error, RemoteProtocolError);
      check(level === undefined && speaking === undefined, () => "the others took it");
      return name;
    }
  },
});

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    rejection(error, RemoteProtocolError);
    return undefined;
  }
}

// IP discovery and keepalives

const SSRC = 0x00000d09;
const ADDRESSES = ["203.0.113.7", "255.255.255.255", "2001:db8::1", "::ffff:1.2.3.4", "::"];

function discoverySeeds(form: DiscoveryForm): Uint8Array[] {
  return [
    ...ADDRESSES.map((address) => discoveryResponse(SSRC, { address, port: 50_004 }, form)),
    discoveryResponse(SSRC, { address: "f:".repeat(31), port: 1 }, form),
    ...DISCOVERY_FORMS.map((other) => discoveryRequest(SSRC, other)),
    ...TRANSPORT.ip_discovery.map(({ packet }) => hex(packet)),
    ...TRANSPORT.negative.filter(({ id }) => id.includes("ipd")).map(({ packet }) => hex(packet)),
  ];
}

function discoveryParser(form: DiscoveryForm): AnyParser {
  const seeds = discoverySeeds(form);
  return parser({
    name: `parseDiscoveryResponse ${form}`,
    covers: ["parseDiscoveryResponse", "isDiscoveryResponse"],
    domain: BYTES,
    seeds,
    outcomes: ["IPv4", "IPv6", ...(form === "74" ? DISCOVERY_FAULTS : OLD_DISCOVERY_FAULTS)],
    run: (datagram) => {
      const found = parseDiscoveryResponse(datagram, SSRC, form);
      if (typeof found === "string") return found;
      check(isDiscoveryResponse(datagram, form), () => "isDiscoveryResponse denies it");
      checkInteger("port", found.port, 1, 65_535);
      const built = discoveryResponse(SSRC, found, form);
      const again = parseDiscoveryResponse(built, SSRC, form);
      check(JSON.stringify(again) === JSON.stringify(found), () => "it is another one once more");
      return `IPv${isIP(found.address)}`;
    },
    large: {
      "65536 bytes": ["wrong-size", () => join(seeds[0], new Uint8Array(DATAGRAM_SIZE))],
    },
  });
}

const addresses = parser({
  name: "isIpv4, isIpv6",
  covers: ["isIpv4", "isIpv6"],
  domain: TEXT,
  seeds: [
    ...ADDRESSES,
    ...["1:2:3:4:5:6:7:8", "1::8", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "fe80::1%eth0", "01.2.3.4"],
  ],
  outcomes: ["IPv4", "IPv6", "IPv0"],
  run: (text) => {
    const version = isIpv4(text) ? 4 : isIpv6(text) ? 6 : 0;
    // Only a zone is another matter for the runtime.
    const known = text.includes("%") ? 0 : isIP(text);
    check(version === known, () => `it is IPv${known}, not IPv${version}`);
    return `IPv${version}`;
  },
  large: {
    "1 MiB of colons": ["IPv0", () => ":".repeat(2 ** 20)],
    "1 MiB of dots": ["IPv0", () => ".".repeat(2 ** 20)],
    "a group of 1 MiB": ["IPv0", () => `::${"f".repeat(2 ** 20)}`],
    "500000 groups": ["IPv0", () => "1:".repeat(500_000) + "1"],
  },
});

const discoveryAsked = parser({
  name: "parseDiscoveryRequest",
  covers: ["parseDiscoveryRequest", "looksLikeDiscoveryRequest"],
  domain: BYTES,
  seeds: [
    ...DISCOVERY_FORMS.map((form) => discoveryRequest(SSRC, form)),
    discoveryRequest(0, "70hybrid"),
    ...discoverySeeds("74"),
  ],
  outcomes: ["74", "70be", "70hybrid", "malformed", "none"],
  run: (datagram) => {
    const request = parseDiscoveryRequest(datagram);
    const marked = looksLikeDiscoveryRequest(datagram);
    if (request === undefined) return marked ? "malformed" : "none";
    const { ssrc, form } = request;
    checkU32("ssrc", ssrc);
    check(form === "70be" || marked, () => "looksLikeDiscoveryRequest denies it");
    const again = discoveryRequest(ssrc, form);
    check(again.length === datagram.length, () => `a request of ${again.length} bytes once more`);
    // Where type and length mark a request, what is behind the SSRC may be anything.
    const size = form === "70be" ? again.length : 8;
    checkSame("the request built again", again.subarray(0, size), datagram.subarray(0, size));
    return form;
  },
});

const keepalives = parser({
  name: "keepaliveForm, parseKeepalive",
  covers: ["keepaliveForm", "parseKeepalive", "parseKeepaliveReply", "parseCounterKeepalive"],
  domain: BYTES,
  seeds: [
    keepalive(1),
    keepaliveReply(1),
    counterKeepalive(5, "counter-le"),
    counterKeepalive(5, "counter-be"),
    ...TRANSPORT.udp_keepalive.map(({ packet }) => hex(packet)),
  ],
  outcomes: [
    ...faults<KeepaliveForm>({
      official: true,
      "counter-le": true,
      "counter-be": true,
      ssrc: true,
      jda: true,
    }),
    ...["reply", "none"],
  ],
  run: (datagram) => {
    const form = keepaliveForm(datagram);
    const official = parseKeepalive(datagram);
    check((official !== undefined) === (form === "official"), () => `the form is ${form}`);
    if (official !== undefined) checkSame("built again", keepalive(official), datagram);
    for (const counter of ["counter-le", "counter-be"] as const) {
      const value = parseCounterKeepalive(datagram, counter);
      check(
        value !== undefined || form !== counter,
        () => `the form is ${form}, without a counter`,
      );
      if (value !== undefined) checkSame("built again", counterKeepalive(value, counter), datagram);
    }
    const reply = parseKeepaliveReply(datagram);
    if (reply !== undefined) checkSame("built again", keepaliveReply(reply), datagram);
    return form ?? (reply === undefined ? "none" : "reply");
  },
});

const demux = parser({
  name: "classifyDatagram",
  covers: ["classifyDatagram", "isRtcp", "isRtp"],
  domain: BYTES,
  seeds: [
    hex(byId(TRANSPORT.vectors, "V10").packet),
    RTCP_SEEDS[1],
    hex("8178"),
    ...discoverySeeds("74"),
    ...TRANSPORT.udp_keepalive.map(({ packet }) => hex(packet)),
  ],
  outcomes: faults<DatagramKind>({
    keepalive: true,
    "keepalive-reply": true,
    "discovery-request": true,
    "discovery-response": true,
    rtcp: true,
    rtp: true,
    unknown: true,
  }),
  run: (datagram) => {
    const kind = classifyDatagram(datagram);
    const valid = parseRtpHeader(datagram, new RtpHeader()) === undefined;
    check(isRtcp(datagram) || kind !== "rtcp", () => "it is no RTCP");
    check(isRtp(datagram) || kind !== "rtp", () => "it is no RTP");
    check(!isRtp(datagram) || !isRtcp(datagram), () => "it is RTP and RTCP");
    check(isRtp(datagram) || isRtcp(datagram) || !valid, () => "RTP is denied");
    check(
      parseDiscoveryRequest(datagram)?.form !== "74" || kind === "discovery-request",
      () => kind,
    );
    check(kind !== "unknown" || !valid, () => "RTP is unknown");
    return kind;
  },
});

/** The parsers of datagrams. */
export const PACKET_PARSERS: readonly AnyParser[] = [
  rtpHeader,
  rtpPacket,
  ...ALL_ENCRYPTION_MODES.map(openRtpParser),
  ...ALL_ENCRYPTION_MODES.map(realCipherParser),
  rtcp,
  ...ALL_ENCRYPTION_MODES.map(openRtcpParser),
  extensions,
  speaker,
  ...DISCOVERY_FORMS.map(discoveryParser),
  discoveryAsked,
  addresses,
  keepalives,
  demux,
];
