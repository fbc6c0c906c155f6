/**
 * The packet paths of the peers. They are not connected: the state of a connection is put together
 * by hand, and its socket sends nowhere. Each loads its own cipher, from a folder of its own.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { nativeMlsCrypto } from "../../adapters/native_mls.ts";
import { nativeAead } from "../../adapters/native_aead.ts";
import { encodeAppend, ExternalSender } from "../../lib/dave/mls/mod.ts";
import { encodeId } from "../../lib/dave/user_id.ts";
import { type EncryptionMode, PACKET_OVERHEAD, PacketCipher } from "../../lib/packet.ts";
import { RTP_HEADER_SIZE, writeRtpHeader } from "../../lib/rtp_header.ts";
import { installPeer } from "../peers/install.ts";
import { type DaveySession, loadDavey } from "../tools/davey.ts";
import type { Subject } from "./turns.ts";

const GCM = "aead_aes256_gcm_rtpsize";
const XCHACHA = "aead_xchacha20_poly1305_rtpsize";

/** Variants of @discordjs/voice: folder, mode, what it is called. */
const DISCORDJS: readonly (readonly [string, EncryptionMode, string])[] = [
  ["discordjs", GCM, "@discordjs/voice AES-256-GCM"],
  ["discordjs", XCHACHA, "@discordjs/voice XChaCha20-Poly1305, @noble/ciphers"],
  ["discordjs_stablelib", XCHACHA, "@discordjs/voice XChaCha20-Poly1305, @stablelib"],
  ["discordjs_libsodium", XCHACHA, "@discordjs/voice XChaCha20-Poly1305, libsodium-wrappers"],
];

/** Variants of eris, whose mode Discord has taken out of service: folder, what it is called. */
const ERIS: readonly (readonly [string, string])[] = [
  ["eris_sodium", "eris XSalsa20-Poly1305, sodium-native"],
  ["eris", "eris XSalsa20-Poly1305, tweetnacl"],
];

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const SSRC = 7;
const [SPEAKER, LISTENER] = ["1", "2"];
const CHANNEL = "1234567890123456789";

/** Milliseconds in which @discordjs/voice has loaded its cipher; it does not say when. */
const CIPHER_LOAD_TIME = 500;

/**
 * Installs and loads the peers.
 *
 * @param frame An Opus packet.
 */
export async function peerSubjects(frame: Uint8Array): Promise<Subject[]> {
  const opus = Buffer.from(frame);
  const subjects: Subject[] = [];
  for (const [folder, mode, name] of DISCORDJS) {
    const voice = await loadDiscordjs(await installPeer(folder));
    const common = { name, side: "peer", cipher: mode === GCM ? "gcm" : "xchacha" } as const;
    subjects.push(...discordjs(voice, mode, opus, common));
    if (folder !== "discordjs") continue;
    const pair = daveyPair(await installPeer(folder));
    subjects.push(...discordjs(voice, mode, opus, { ...common, dave: true }, pair));
  }
  for (const [folder, name] of ERIS) {
    subjects.push(eris(await installPeer(folder), opus, { name, side: "peer", cipher: "xsalsa" }));
  }
  return subjects;
}

type Common = Pick<Subject, "name" | "side" | "cipher" | "dave">;

interface Discordjs {
  readonly Networking: { readonly prototype: object };
  readonly DAVESession: { readonly prototype: object };
  readonly VoiceConnection: { readonly prototype: object };
  readonly VoiceReceiver: new (connection: object) => Receiver;
}

interface Receiver {
  readonly ssrcMap: { update(data: { userId: string; audioSSRC: number }): void };
  connectionData: object;
  subscribe(userId: string): Readable;
  onUdpMessage(datagram: Buffer): void;
  parsePacket(
    datagram: Buffer,
    mode: string,
    nonce: Buffer,
    key: Uint8Array,
    userId: string,
  ): Buffer | null;
}

async function loadDiscordjs(folder: string): Promise<Discordjs> {
  const voice = createRequire(join(folder, "package.json"))("@discordjs/voice") as Discordjs;
  await new Promise((resolve) => setTimeout(resolve, CIPHER_LOAD_TIME));
  return voice;
}

/** An object of a class whose constructor would open sockets. */
function assembled<T extends object>({ prototype }: { prototype: object }, fields: T): T {
  return Object.assign(Object.create(prototype), fields);
}

function discordjs(
  voice: Discordjs,
  mode: EncryptionMode,
  frame: Buffer,
  common: Common,
  pair?: DaveyPair,
): Subject[] {
  const connect = (session: DaveySession | undefined) =>
    connection(voice, mode, session === undefined ? undefined : davey(voice, session));
  const [own, other] = [connect(pair?.from), connect(pair?.to)];
  const datagrams = sealer(mode, frame, pair?.from);
  const receive = receiver(voice, mode, other, datagrams);
  const sender: Subject = {
    ...common,
    figure: "send",
    run(count) {
      for (let i = 0; i < count; i++) {
        if (own.playOpusPacket(frame) !== true) throw new Error("A frame was not sent");
      }
    },
  };
  const parse: Subject = { ...common, ...receive.parse };
  return [sender, { ...common, ...receive.receive }, ...pair === undefined ? [parse] : []];
}

interface Connection {
  playOpusPacket(frame: Buffer): boolean | undefined;
}

function connection(voice: Discordjs, mode: EncryptionMode, dave: object | undefined): Connection {
  const connectionData = {
    ...{ encryptionMode: mode, secretKey: KEY, ssrc: SSRC, sequence: 0, timestamp: 0 },
    ...{ nonce: 0, nonceBuffer: nonceOf(mode), packetsPlayed: 0, speaking: false },
  };
  const [udp, ws] = [{ send: () => {} }, { sendPacket: () => {} }];
  const networking = assembled(voice.Networking, {
    _state: { code: 4, connectionData, udp, ws, dave },
  });
  return assembled(voice.VoiceConnection, {
    _state: { status: "ready", networking },
  }) as unknown as Connection;
}

function nonceOf(mode: EncryptionMode): Buffer {
  return Buffer.alloc(mode === GCM ? 12 : 24);
}

function davey(voice: Discordjs, session: DaveySession): object {
  return assembled(voice.DAVESession, {
    ...{ protocolVersion: 1, session, consecutiveFailures: 0, failureTolerance: 0 },
    ...{ reinitializing: false, pendingTransitions: new Map(), emit: () => {} },
  });
}

function receiver(
  voice: Discordjs,
  mode: EncryptionMode,
  connection: Connection,
  seal: (count: number) => Buffer[],
): Record<"receive" | "parse", Pick<Subject, "figure" | "prepare" | "run">> {
  const receiver = new voice.VoiceReceiver(connection);
  const nonce = nonceOf(mode);
  receiver.ssrcMap.update({ userId: SPEAKER, audioSSRC: SSRC });
  receiver.connectionData = { encryptionMode: mode, nonceBuffer: nonce, secretKey: KEY };
  let heard = 0;
  receiver.subscribe(SPEAKER).on("data", () => heard++).on("error", () => {});
  let datagrams: Buffer[] = [];
  const prepare = (count: number) => void (datagrams = seal(count));
  return {
    receive: {
      figure: "receive",
      prepare,
      run(count) {
        const before = heard;
        for (let i = 0; i < count; i++) receiver.onUdpMessage(datagrams[i]!);
        if (heard - before === count) return;
        receiver.parsePacket(datagrams[0]!, mode, nonce, KEY, SPEAKER); // throws what ended the stream
        throw new Error("A frame was not heard");
      },
    },
    parse: {
      figure: "parse",
      prepare,
      run(count) {
        for (let i = 0; i < count; i++) {
          if (receiver.parsePacket(datagrams[i]!, mode, nonce, KEY, SPEAKER) === null) {
            throw new Error("A datagram was not opened");
          }
        }
      },
    },
  };
}

/** Makes datagrams as a server does. */
function sealer(
  mode: EncryptionMode,
  frame: Buffer,
  session: DaveySession | undefined,
): (count: number) => Buffer[] {
  const cipher = new PacketCipher(mode, KEY, nativeAead);
  let sequence = 0;
  const next = (): Buffer => {
    const opus = session?.encryptOpus(frame) ?? frame;
    const datagram = Buffer.alloc(RTP_HEADER_SIZE + opus.length + PACKET_OVERHEAD);
    writeRtpHeader(datagram, ++sequence & 0xffff, 960 * sequence >>> 0, SSRC);
    opus.copy(datagram, RTP_HEADER_SIZE);
    cipher.seal(datagram, RTP_HEADER_SIZE, opus.length);
    // @discordjs/voice takes such ciphertext for an extension, whatever the header says.
    return datagram.readUInt16BE(RTP_HEADER_SIZE) === 0xbede ? next() : datagram;
  };
  return (count) => Array.from({ length: count }, next);
}

/** Two members of a group. */
interface DaveyPair {
  readonly from: DaveySession;
  readonly to: DaveySession;
}

function daveyPair(folder: string): DaveyPair {
  const { DAVESession } = loadDavey(folder);
  const gateway = new ExternalSender(nativeMlsCrypto);
  const [from, to] = [SPEAKER, LISTENER].map((userId) => {
    const session = new DAVESession(1, userId, CHANNEL);
    session.setExternalSender(Buffer.from(gateway.bytes));
    return session;
  });
  const { message } = gateway.add(encodeId(CHANNEL), 0n, to.getSerializedKeyPackage());
  const body = Buffer.from(encodeAppend([message]));
  const { commit, welcome } = from.processProposals(body[0]!, body.subarray(1));
  from.processCommit(commit!);
  to.processWelcome(welcome!);
  return { from, to };
}

function eris(folder: string, frame: Buffer, common: Common): Subject {
  const require = createRequire(join(folder, "package.json"));
  const VoiceConnection = require("eris/lib/voice/VoiceConnection");
  const connection = new VoiceConnection("1", { shared: true });
  let sent = 0;
  Object.assign(connection, {
    secret: Buffer.from(KEY),
    udpSocket: { send: () => sent++ },
  });
  return {
    ...common,
    figure: "send",
    run(count) {
      const before = sent;
      for (let i = 0; i < count; i++) connection.sendAudioFrame(frame);
      if (sent - before !== count) throw new Error("A frame was not sent");
    },
  };
}
