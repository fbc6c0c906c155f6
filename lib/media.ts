/**
 * The media plane of a session: Opus frames to datagrams and back, in the caller's
 * memory and without a queue. The RTP counters outlive a resume; a new key brings a
 * new cipher, and all senders start anew.
 *
 * @module
 */

import { packetDuration } from "./audio/opus_toc.ts";
import { isRtp } from "./demux.ts";
import { type OpenFault, PACKET_OVERHEAD, type PacketCipher } from "./packet.ts";
import {
  OPUS_PAYLOAD_TYPE,
  parseRtpHeader,
  RTP_HEADER_SIZE,
  type RtpFault,
  RtpHeader,
  writeRtpHeader,
} from "./rtp_header.ts";
import { Streams, type StreamStats } from "./streams.ts";

/** Why a received datagram was dropped. */
export type DropReason =
  | RtpFault
  | OpenFault
  | "duplicate"
  | "not-connected"
  | "payload-type"
  | "rtcp"
  | "padding-only"
  | "discovery-rejected"
  | "stale-keepalive"
  | "unknown-datagram";

/** Counters of the media plane. */
export interface MediaCounters {
  /** Datagrams that `packetize` made. */
  readonly sent: number;
  /** Packets that `depacketize` accepted. */
  readonly received: number;
  /** Received datagrams that were dropped, by reason. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** What came and what is missing, by SSRC. */
  readonly streams: readonly StreamStats[];
}

/** Seals what is sent and opens what is received. */
export class MediaPlane {
  #streams = new Streams();
  #accepted = new RtpHeader();
  #parsed = new RtpHeader();
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #cipher: PacketCipher | undefined;
  #sending = false;
  #ssrc = 0;
  #sequence: number;
  #timestamp: number;
  #sent = 0;
  #received = 0;

  /**
   * Starts without a key.
   *
   * @param sequence First RTP sequence number.
   * @param timestamp First RTP timestamp.
   */
  constructor(sequence: number, timestamp: number) {
    this.#sequence = sequence;
    this.#timestamp = timestamp;
  }

  /** What seals and opens, while there is a key. */
  get cipher(): PacketCipher | undefined {
    return this.#cipher;
  }

  /** RTP sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** RTP timestamp of the next frame, where `packetize` is given none. */
  get timestamp(): number {
    return this.#timestamp;
  }

  /** Header of the last packet that `depacketize` accepted. */
  get header(): Readonly<RtpHeader> {
    return this.#accepted;
  }

  /** What was sent, received and dropped. */
  get counters(): MediaCounters {
    return {
      sent: this.#sent,
      received: this.#received,
      dropped: { ...this.#dropped },
      streams: this.#streams.stats(),
    };
  }

  /** A key has come: packets can be sealed and opened, and all senders start anew. */
  start(ssrc: number, cipher: PacketCipher): void {
    this.#streams = new Streams();
    this.#ssrc = ssrc;
    this.#cipher = cipher;
  }

  /** Whether `packetize` seals: only while the session is connected. */
  setSending(sending: boolean): void {
    this.#sending = sending;
  }

  /** The session is gone, and its key with it. */
  stop(): void {
    this.#cipher = undefined;
    this.#sending = false;
  }

  /**
   * Counts a datagram that is dropped.
   *
   * @returns 0, the size of nothing.
   */
  drop(reason: DropReason): 0 {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
    return 0;
  }

  /** See `VoiceSession.packetize`. */
  packetize(frame: Uint8Array, into: Uint8Array, timestamp: number = this.#timestamp): number {
    const cipher = this.#cipher;
    const duration = packetDuration(frame);
    const size = RTP_HEADER_SIZE + frame.length + (cipher?.overhead ?? PACKET_OVERHEAD);
    if (into.length < size) {
      throw new RangeError(
        `Cannot packetize a frame of ${frame.length} bytes: ` +
          `the buffer has ${into.length} bytes, ${size} are needed`,
      );
    }
    if (cipher === undefined || !this.#sending) return 0;
    writeRtpHeader(into, this.#sequence, timestamp, this.#ssrc);
    into.set(frame, RTP_HEADER_SIZE);
    cipher.seal(into, RTP_HEADER_SIZE, frame.length);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (timestamp + duration) >>> 0;
    this.#sent++;
    return size;
  }

  /** See `VoiceSession.depacketize`. */
  depacketize(datagram: Uint8Array, into: Uint8Array): number {
    if (into.length < datagram.length) {
      throw new RangeError(
        `Cannot depacketize a datagram of ${datagram.length} bytes: ` +
          `the buffer has ${into.length} bytes`,
      );
    }
    if (!isRtp(datagram)) return -1;
    const header = this.#parsed;
    const fault = parseRtpHeader(datagram, header);
    if (fault !== undefined) return this.drop(fault);
    if (header.payloadType !== OPUS_PAYLOAD_TYPE) return this.drop("payload-type");
    const cipher = this.#cipher;
    if (cipher === undefined) return this.drop("not-connected");
    const size = cipher.openRtp(datagram, header, into);
    if (size < 0) return this.drop(cipher.fault);
    const arrival = this.#streams.receive(header.ssrc, header.sequence);
    if (arrival === "duplicate") return this.drop("duplicate");
    if (size === 0) return this.drop("padding-only");
    this.#parsed = this.#accepted;
    this.#accepted = header;
    this.#received++;
    return size;
  }
}
