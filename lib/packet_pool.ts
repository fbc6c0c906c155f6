/**
 * Memory for the packets of all connections of a process. One is in work at a time, and a second
 * only where a handler, called in the middle of one, sends or receives another: so there are as
 * many buffers as calls were ever nested, however many connections there are.
 *
 * @module
 */

import { PacketBuffer } from "./packet_buffer.ts";
import type { ReceivedFrame } from "./received_frame.ts";

/** Bytes that every buffer has: more than an Ethernet frame. */
export const PACKET_BUFFER_SIZE = 2048;

/** Gives memory that is never taken back. */
type Allocate = (size: number) => Uint8Array<ArrayBuffer>;

/** All that one packet needs on its way, and what is known of its frame. */
export class PacketSlot implements ReceivedFrame {
  userId = "";
  ssrc = 0;
  sequence = 0;
  timestamp = 0;
  at = 0;
  opus: Uint8Array;
  /** For the datagram that is sent, or for what was in the one that came. */
  readonly packet: PacketBuffer;
  /** For what was in that, where it was end-to-end encrypted. */
  readonly frame: PacketBuffer;

  /** Makes both buffers. */
  constructor(allocate: Allocate, size: number = PACKET_BUFFER_SIZE) {
    this.packet = new PacketBuffer(allocate(size));
    this.frame = new PacketBuffer(allocate(size));
    this.opus = this.packet.bytes;
  }
}

/** Slots that are free. */
export class PacketPool {
  readonly #allocate: Allocate;
  readonly #free: PacketSlot[] = [];

  /**
   * Starts without slots.
   *
   * @param allocate Gives memory that is never taken back; a fresh array by default.
   */
  constructor(allocate: Allocate = (size) => new Uint8Array(size)) {
    this.#allocate = allocate;
  }

  /**
   * Takes a slot for one packet. Give it back.
   *
   * @param size Bytes that each buffer must have. One for more than `PACKET_BUFFER_SIZE` is made
   * for this packet alone.
   */
  take(size: number): PacketSlot {
    if (size > PACKET_BUFFER_SIZE) return new PacketSlot((bytes) => new Uint8Array(bytes), size);
    return this.#free.pop() ?? new PacketSlot(this.#allocate);
  }

  /** Gives a slot back: what was in it is no more. */
  give(slot: PacketSlot): void {
    if (slot.packet.bytes.length === PACKET_BUFFER_SIZE) this.#free.push(slot);
  }
}
