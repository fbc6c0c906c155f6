/**
 * Where the packets of one sender belong: RTP's sequence numbers and timestamps, which wrap, jump
 * and stand still, become an order and a position that only grow.
 *
 * Theory of operation. The 16-bit sequence number is extended to an order, the 32-bit timestamp
 * to a position in samples (RFC 3550, appendix A.1). Both go on where a sender begins anew: with
 * another SSRC, with a sequence number that is far off, with timestamps that do not fit to the
 * time at which the packet came. Some senders let the timestamp stand during a pause
 * (@discordjs/voice does), others take a random one afterwards. What comes first after such a jump
 * is put where its arrival says, behind all that was there, and what follows is counted from it.
 *
 * @module
 */

/** What a packet says of its place. */
export interface RtpPlace {
  /** Synchronization source. */
  readonly ssrc: number;
  /** Sequence number, 16 bits. */
  readonly sequence: number;
  /** Timestamp in samples of 48 kHz, 32 bits. */
  readonly timestamp: number;
}

/** A place on the line. */
export interface LinePlace {
  /** Grows by one with each packet. */
  readonly order: number;
  /** Samples of 48 kHz. */
  readonly position: number;
}

/** Extends sequence numbers and timestamps over wraps and jumps. */
export class RtpTimeline {
  readonly #seen = new Float64Array(WINDOW).fill(-1);
  #newest: RtpPlace | undefined;
  #order = WINDOW; // of the newest packet; what came just before the first is not negative
  #position = 0;
  #end = 0; // where the newest packet ends
  #epoch = 0; // least order of a packet of behind the last jump
  #restartAt: number | undefined;

  /**
   * Finds the place of a packet.
   *
   * @param packet What the packet says.
   * @param duration Its samples.
   * @param anchor The position whose packet comes at this moment if nothing holds it up.
   * @param tolerance How many samples it may lie before the anchor.
   * @returns The place; `late` where it cannot be told any more, `duplicate` where the packet came
   * before.
   */
  place(
    packet: RtpPlace,
    duration: number,
    anchor: number,
    tolerance: number,
  ): LinePlace | "late" | "duplicate" {
    const newest = this.#newest;
    if (newest === undefined || packet.ssrc !== newest.ssrc) {
      return this.#jump(packet, duration, anchor);
    }
    const delta = packet.sequence - newest.sequence << 16 >> 16;
    if (Math.abs(delta) >= RESTART_DISTANCE) return this.#jump(packet, duration, anchor);
    if (-delta >= WINDOW) return this.#placeOld(packet, duration, anchor);
    const order = this.#order + delta;
    if (this.#seen[order % WINDOW] === order) return "duplicate";
    const position = this.#position + (packet.timestamp - newest.timestamp | 0);
    if (delta > 0) {
      const fits = position >= this.#end && position >= anchor - tolerance &&
        position <= anchor + LEAD;
      if (fits) return this.#append(packet, duration, { order, position });
      return this.#jump(packet, duration, anchor, order);
    }
    this.#seen[order % WINDOW] = order;
    return order < this.#epoch ? "late" : { order, position };
  }

  /** Behind the window: only the second one in sequence shows that the sender is there now. */
  #placeOld(packet: RtpPlace, duration: number, anchor: number): LinePlace | "late" {
    if (packet.sequence === this.#restartAt) return this.#jump(packet, duration, anchor);
    this.#restartAt = packet.sequence + 1 & 0xffff;
    return "late";
  }

  #jump(packet: RtpPlace, duration: number, anchor: number, order = this.#order + 1): LinePlace {
    this.#epoch = this.#newest === undefined ? 0 : this.#order + 1;
    this.#restartAt = undefined;
    const position = Math.max(this.#end, Math.floor(anchor));
    return this.#append(packet, duration, { order, position });
  }

  #append(packet: RtpPlace, duration: number, place: LinePlace): LinePlace {
    this.#seen[place.order % WINDOW] = place.order;
    const { ssrc, sequence, timestamp } = packet;
    this.#newest = { ssrc, sequence, timestamp };
    this.#order = place.order;
    this.#position = place.position;
    this.#end = place.position + duration;
    return place;
  }
}

const WINDOW = 256;
const RESTART_DISTANCE = 3000;
const LEAD = 48_000; // samples
