/**
 * Reports of quality (RTCP, RFC 3550 section 6): what the client tells of the streams that it
 * hears and of its own, and what the server tells of the client's.
 *
 * Theory of operation: about every five seconds, at random so that clients do not fall into step
 * (section 6.2), `next` makes a compound: a sender report where something was sent since the last
 * one, else a receiver report; blocks for what was heard since then; and a CNAME, which is random
 * and names nobody (RFC 7022). Who has neither sent nor heard anything says nothing: that he
 * is there the server knows from the WebSocket. NTP timestamps count from the start of the
 * session, as section 6.4.1 allows to whoever has no wall clock: they give no clock away.
 *
 * The round trip follows from a block that answers one of the last reports; whatever else a
 * block names is not believed.
 *
 * @module
 */

import type { MediaPlane } from "./media.ts";
import { TIMESTAMP_RATE } from "./reception.ts";
import {
  buildReceiverReport,
  buildSenderReport,
  buildSourceDescription,
  compactNtp,
  REPORT_BLOCK_LIMIT,
  type ReportBlock,
  roundTripTime,
} from "./rtp/rtcp.ts";

/** Milliseconds between two reports, on average. */
export const REPORT_INTERVAL = 5_000;

/** Random bytes of a CNAME (RFC 7022 section 4.2 asks for 12 at least). */
const CNAME_SIZE = 12;

/** Reports of the client whose answers are waited for. */
const REMEMBERED = 4;

/** What a receiver of the client's audio tells of it: of Discord, the voice server. */
export interface ReceptionReport {
  /** Share of packets lost since its last report, 0 to 1. */
  readonly fractionLost: number;
  /** Packets lost since the start; below 0 where more came than were sent. */
  readonly lost: number;
  /** Interarrival jitter in milliseconds. */
  readonly jitter: number;
  /** Round-trip time in milliseconds, where the report answers one of the client's. */
  readonly roundTrip: number | undefined;
  /** When it came, in monotonic milliseconds. */
  readonly at: number;
}

/** Makes and reads the reports of one session. */
export class RtcpReports {
  readonly #media: MediaPlane;
  readonly #random: (into: Uint8Array) => void;
  readonly #answerable: number[] = [];
  #cname = "";
  #startedAt = 0;
  #reportedPackets = 0;
  #lastBlock: ReportBlock | undefined;
  #remote: ReceptionReport | undefined;

  /**
   * Starts without reports.
   *
   * @param media What is reported, and what seals and opens.
   * @param random Fills an array with random bytes.
   */
  constructor(media: MediaPlane, random: (into: Uint8Array) => void) {
    this.#media = media;
    this.#random = random;
  }

  /** The last report about the client's audio, under the present key. */
  get remote(): ReceptionReport | undefined {
    return this.#remote;
  }

  /**
   * A key has come: nothing was reported of it yet.
   *
   * @param now Monotonic milliseconds.
   */
  start(now: number): void {
    this.#startedAt = now;
    this.#reportedPackets = 0;
    this.#answerable.length = 0;
    this.#lastBlock = undefined;
    this.#remote = undefined;
  }

  /** Milliseconds until the next report: half of the interval to one and a half. */
  delay(): number {
    const [byte] = this.#draw(1);
    return REPORT_INTERVAL * (0.5 + byte / 255);
  }

  /**
   * Makes the next report.
   *
   * @param now Monotonic milliseconds.
   * @returns The datagram; `undefined` where there is nothing to tell, or nothing can be sent.
   */
  next(now: number): Uint8Array | undefined {
    const { packets, octets, timestamp, ssrc } = this.#media.transmission;
    const hasSent = packets !== this.#reportedPackets;
    const blocks = this.#media.streams.report(REPORT_BLOCK_LIMIT, now);
    if (!hasSent && blocks.length === 0) return undefined;
    const ntp = this.#ntp(now);
    const report = hasSent
      ? buildSenderReport({
        ssrc,
        ntpTimestamp: ntp,
        rtpTimestamp: timestamp,
        packetCount: packets,
        octetCount: octets,
        blocks,
      })
      : buildReceiverReport(ssrc, blocks);
    if (this.#cname === "") this.#cname = toHex(this.#draw(CNAME_SIZE));
    const datagram = this.#media.sealRtcp(
      joined(report, buildSourceDescription(ssrc, this.#cname)),
    );
    if (datagram === undefined || !hasSent) return datagram;
    this.#reportedPackets = packets;
    this.#answerable.push(compactNtp(ntp));
    if (this.#answerable.length > REMEMBERED) this.#answerable.shift();
    return datagram;
  }

  /**
   * Takes a datagram of RTCP. Never throws: one that is not good is counted by the media plane.
   *
   * @param datagram Any bytes; not changed.
   * @param now Monotonic milliseconds.
   * @returns What is news about the client's own audio.
   */
  receive(datagram: Uint8Array, now: number): ReceptionReport | undefined {
    const { streams, transmission } = this.#media;
    let news: ReceptionReport | undefined;
    for (const packet of this.#media.openRtcp(datagram)) {
      if (packet.type === "senderReport") {
        streams.takeSenderReport(packet.ssrc, compactNtp(packet.ntpTimestamp), now);
      } else if (packet.type !== "receiverReport") continue;
      const block = packet.blocks.find(({ ssrc }) => ssrc === transmission.ssrc);
      if (block !== undefined) news = this.#take(block, now) ?? news;
    }
    return news;
  }

  #take(block: ReportBlock, now: number): ReceptionReport | undefined {
    // A datagram that came twice would make the round trip longer.
    if (this.#lastBlock !== undefined && isSame(this.#lastBlock, block)) return undefined;
    this.#lastBlock = block;
    const answers = this.#answerable.includes(block.lastSenderReport);
    return this.#remote = {
      fractionLost: block.fractionLost / 256,
      lost: block.cumulativeLost,
      jitter: block.jitter / TIMESTAMP_RATE,
      roundTrip: answers ? roundTripTime(block, compactNtp(this.#ntp(now))) : undefined,
      at: now,
    };
  }

  /** Time since the start in 2^-32 s. */
  #ntp(now: number): bigint {
    return BigInt(Math.floor((now - this.#startedAt) / 1000 * 2 ** 32));
  }

  #draw(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.#random(bytes);
    return bytes;
  }
}

function isSame(a: ReportBlock, b: ReportBlock): boolean {
  return a.highestSequence === b.highestSequence && a.lastSenderReport === b.lastSenderReport &&
    a.delaySinceLastSenderReport === b.delaySinceLastSenderReport && a.jitter === b.jitter &&
    a.cumulativeLost === b.cumulativeLost && a.fractionLost === b.fractionLost;
}

function joined(report: Uint8Array, description: Uint8Array): Uint8Array {
  const compound = new Uint8Array(report.length + description.length);
  compound.set(report);
  compound.set(description, report.length);
  return compound;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
