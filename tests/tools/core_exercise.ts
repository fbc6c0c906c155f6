/**
 * What the bundled core is made to do where there is nothing but ECMAScript.
 *
 * @module
 */

import type * as Core from "../../lib/mod.ts";
import { loadVectors, type TransportVectors } from "./vectors.ts";

/** A sealed RTP packet and what opens it. */
export interface SealedPacket {
  /** Name of the vector. */
  readonly id: string;
  /** Encryption mode. */
  readonly mode: Core.EncryptionMode;
  /** Key, hexadecimal. */
  readonly key: string;
  /** Datagram, hexadecimal. */
  readonly packet: string;
  /** Payload, hexadecimal. */
  readonly opus: string;
}

/** The RTP packets of the vectors that have a key. */
export function sealedPackets(): SealedPacket[] {
  const { vectors } = loadVectors<TransportVectors>("transport.json");
  return vectors.flatMap(({ id, kind, mode, key, packet, fields }) =>
    kind !== "rtp" || key === null
      ? []
      : [{ id, mode: mode as Core.EncryptionMode, key, packet, opus: fields.opus }]
  );
}

/** Those of the modes that `pureAead` has ciphers for. */
export function aeadPackets(): SealedPacket[] {
  return sealedPackets().filter(({ mode }) => mode.startsWith("aead_"));
}

/** What the core did. */
export interface Exercise {
  /** The payloads, hexadecimal; or why a packet was rejected. */
  readonly opened: readonly string[];
  /** What a session wants done at first. */
  readonly outputs: readonly string[];
}

/**
 * Opens packets and starts a session. It is sent elsewhere as text, so it names nothing of
 * this module.
 *
 * @param core The core's exports.
 * @param packets What is opened.
 */
export function exerciseCore(core: typeof Core, packets: readonly SealedPacket[]): Exercise {
  const opened = packets.map(({ mode, key, packet }) => {
    const [keyBytes, datagram] = [key, packet].map((text) =>
      Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))
    );
    const header = new core.RtpHeader();
    const fault = core.parseRtpHeader(datagram, header);
    if (fault !== undefined) return fault;
    const cipher = new core.PacketCipher(mode, keyBytes, core.pureAead);
    const into = new Uint8Array(datagram.length);
    const size = cipher.openRtp(datagram, header, into);
    if (size < 0) return cipher.fault;
    return Array.from(into.subarray(0, size), (byte) => byte.toString(16).padStart(2, "0")).join(
      "",
    );
  });
  const random = (into: Uint8Array) => void into.fill(4);
  const session = new core.VoiceSession({ guildId: "1", userId: "2", random });
  const server = { endpoint: "voice.example", sessionId: "session", token: "token" };
  session.handleInput({ type: "join", channelId: "3", server }, 0);
  const outputs: string[] = [];
  for (let output; (output = session.pollOutput()) !== undefined;) outputs.push(output.type);
  return { opened, outputs };
}
