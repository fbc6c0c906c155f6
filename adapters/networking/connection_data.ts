/**
 * What is known of a voice session once it has an SSRC: a view of the core, which nobody can
 * write to. Else a nonce could be spent twice.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { VoiceSession } from "../../lib/session.ts";
import { hiddenBytes, hide } from "./redacted.ts";

const COUNTER_SIZE = 4;
const [GCM_NONCE_SIZE, OTHER_NONCE_SIZE] = [12, 24];

/** A voice session. All of it is live, and writing to it throws. */
export interface ConnectionData {
  /** Ids of the users who are in the channel, as far as the server has said. */
  readonly connectedClients: Set<string>;
  /** The encryption mode; empty before there is a key. */
  readonly encryptionMode: string;
  /** The nonce of the next packet: a counter. */
  readonly nonce: number;
  /** The same as the cipher takes it: four bytes big endian, then zeros. A copy. */
  readonly nonceBuffer: Buffer;
  /** Packets that `dispatchAudio` has sent. */
  readonly packetsPlayed: number;
  /** The key; empty before there is one, and after the end. Each read gives a copy, none is shown. */
  readonly secretKey: Uint8Array;
  /** RTP sequence number of the next packet. */
  readonly sequence: number;
  /** Whether the others are told that the client speaks. */
  readonly speaking: boolean;
  /** The client's SSRC. */
  readonly ssrc: number;
  /** RTP timestamp of the next packet. */
  readonly timestamp: number;
}

/** Holds what the core does not, and makes the view. */
export class ConnectionRecord {
  /** What a user sees. */
  readonly view: ConnectionData;
  /** Users in the channel. */
  readonly clients: Set<string>;
  /** Packets that were dispatched. */
  packetsPlayed = 0;
  /** Whether the client speaks. */
  speaking = false;
  #mode = "";
  #key: Uint8Array = new Uint8Array();

  /** @param session The session, which has an SSRC by now. */
  constructor(session: VoiceSession) {
    this.clients = new Set(session.users);
    const { ssrc } = session;
    this.view = Object.create(Object.prototype, {
      connectedClients: shown(() => this.clients),
      encryptionMode: shown(() => this.#mode),
      nonce: shown(() => session.nonce),
      nonceBuffer: shown(() => nonceBuffer(session.nonce, this.#mode)),
      packetsPlayed: shown(() => this.packetsPlayed),
      sequence: shown(() => session.sequence),
      speaking: shown(() => this.speaking),
      ssrc: shown(() => ssrc),
      timestamp: shown(() => session.timestamp),
    });
    hide(this.view, "secretKey", () => hiddenBytes(this.#key));
  }

  /** A key has come; it is kept as it is. */
  adopt(mode: string, key: Uint8Array): void {
    this.#mode = mode;
    this.#key = key;
  }

  /** The session has ended: the key goes. */
  forgetKey(): void {
    this.#key = new Uint8Array();
  }
}

function shown(get: () => unknown): PropertyDescriptor {
  return { get, enumerable: true };
}

function nonceBuffer(nonce: number, mode: string): Buffer {
  const size = mode.includes("gcm") ? GCM_NONCE_SIZE : OTHER_NONCE_SIZE;
  const buffer = Buffer.alloc(size);
  buffer.writeUIntBE(nonce % 2 ** (8 * COUNTER_SIZE), 0, COUNTER_SIZE);
  return buffer;
}
