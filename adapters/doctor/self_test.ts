/**
 * Whether the ciphers of this runtime do what they must: one known packet of each mode is
 * sealed, opened, and refused once a bit of it is wrong.
 *
 * @module
 */

import type { AeadProvider } from "../../lib/aead.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { type EncryptionMode, KEY_SIZE, PacketCipher } from "../../lib/packet.ts";
import type { Finding } from "./finding.ts";
import { KNOWN_PACKETS, type KnownPacket, RANDOM_NONCE } from "./known_packets.ts";

/**
 * Seals and opens the known packets.
 *
 * @param provider The ciphers of the runtime.
 */
export function checkCrypto(provider: AeadProvider): Finding {
  const wrong = KNOWN_PACKETS.flatMap((packet) => {
    const reason = faultOf(packet, provider);
    return reason === undefined ? [] : [`${packet.mode} ${reason}`];
  });
  if (wrong.length === 0) {
    return { status: "ok", detail: `${KNOWN_PACKETS.length} modes give the known answers` };
  }
  return {
    status: "failed",
    detail: wrong.join("; "),
    advice: "Others could not hear the bot, nor it them: update the runtime, or give " +
      "`pureAead` as the transport's `aead`",
  };
}

function faultOf(packet: KnownPacket, provider: AeadProvider): string | undefined {
  const clear = bytesOf(packet.clear);
  const plain = bytesOf(packet.plain);
  const datagram = bytesOf(packet.clear + packet.sealed);
  try {
    const cipher = cipherFor(packet.mode, packet.counter, provider);
    if (packet.mode !== "plain") {
      const buffer = new Uint8Array(datagram.length);
      buffer.set(clear);
      buffer.set(plain, clear.length);
      cipher.seal(buffer, clear.length, plain.length);
      if (!isEqual(buffer, datagram)) return "seals wrongly";
    }
    const into = new Uint8Array(datagram.length);
    const size = cipher.open(datagram, clear.length, into);
    if (!isEqual(into.subarray(0, Math.max(0, size)), plain)) return "opens wrongly";
    if (packet.mode === "plain") return undefined;
    datagram[clear.length] ^= 1;
    return cipher.open(datagram, clear.length, into) < 0 ? undefined : "opens a forged packet";
  } catch {
    return "breaks"; // whatever a cipher says of its input could show it
  }
}

function cipherFor(mode: EncryptionMode, counter: number, provider: AeadProvider): PacketCipher {
  const key = Uint8Array.from({ length: KEY_SIZE }, (_, i) => i);
  const random = (into: Uint8Array): void => into.set(bytesOf(RANDOM_NONCE));
  return new PacketCipher(mode, key, provider, new NonceCounter(counter), random);
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => {
    return Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  });
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
