/**
 * The media plane of a session: Opus frames to datagrams and back, in the caller's
 * memory and without a queue. What is sent is end-to-end encrypted here; what is received
 * is not decrypted here, since for that one must know whose it is (`receiver.ts`). The RTP
 * counters outlive a resume; a new key brings a new cipher, and all senders start anew.
 *
 * Video is set aside before it is opened: by its SSRC, where the server has told it, else by
 * its payload type. Those of Discord's clients are 101 to 108, odd ones for video, even ones for
 * what is sent again of it.
 *
 * @module
 */

import { isSilence, packetDuration } from "./audio/opus_toc.ts";
import { isRtp } from "./demux.ts";
import { type EndToEnd, MAX_FRAME_OVERHEAD } from "./end_to_end.ts";
import { RemoteProtocolError } from "./errors.ts";
import { type OpenFault, PACKET_OVERHEAD, type PacketCipher } from "./packet.ts";
import { Participants, type VideoKind } from "./participants.ts";
import { canSealRtcp, openRtcp, parseRtcp, type RtcpPacket, sealRtcp } from "./rtp/rtcp.ts";
import {
  OPUS_PAYLOAD_TYPE,
  parseRtpHeader,
  RTP_HEADER_SIZE,
  type RtpFault,
  RtpHeader,
  writeRtpHeader,
} from "./rtp_header.ts";
import { type ArrivalCounters, type HeardUser, Streams, type StreamStats } from "./streams.ts";

/** Why a received datagram was dropped. */
export type DropReason =
  | RtpFault
  | OpenFault
  | VideoKind
  | "duplicate"
  | "not-connected"
  | "payload-type"
  | "bad-rtcp"
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
  /** The same by user, also of those who have left. */
  readonly users: readonly HeardUser[];
  /** The same of all that was ever heard. */
  readonly totals: ArrivalCounters;
}

/** What was sent with one SSRC, for a sender report. */
export interface Transmission {
  /** The client's SSRC. */
  readonly ssrc: number;
  /** Packets. */
  readonly packets: number;
  /** Bytes of their payload. */
  readonly octets: number;
  /** RTP timestamp of the next frame. */
  readonly timestamp: number;
}

const FIRST_VIDEO_TYPE = 101;
const LAST_VIDEO_TYPE = 108;

/** Seals what is sent and opens what is received. */
export class MediaPlane {
  readonly #participants: Pick<Participants, "userOf" | "videoOf">;
  readonly #streams: Streams;
  #accepted = new RtpHeader();
  #parsed = new RtpHeader();
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #cipher: PacketCipher | undefined;
  #dave: EndToEnd | undefined;
  /** The buffer that `packetize` was given last, and the place of the payload in it. */
  #into: Uint8Array | undefined;
  #payload: Uint8Array = new Uint8Array(0);
  #sending = false;
  // Both as signed integers, which the engine keeps without an object each.
  #ssrc = 0;
  #timestamp: number;
  #sequence: number;
  #sent = 0;
  #sentBefore = 0;
  #octets = 0;
  #received = 0;

  /**
   * Starts without a key.
   *
   * @param sequence First RTP sequence number.
   * @param timestamp First RTP timestamp.
   * @param participants Whose an SSRC is, and whether it is video; nobody's by default.
   */
  constructor(
    sequence: number,
    timestamp: number,
    participants: Pick<Participants, "userOf" | "videoOf"> = new Participants(),
  ) {
    this.#sequence = sequence;
    this.#timestamp = timestamp | 0;
    this.#participants = participants;
    this.#streams = new Streams((ssrc) => participants.userOf(ssrc));
  }

  /** What is heard, by SSRC and by user. */
  get streams(): Streams {
    return this.#streams;
  }

  /** What was sent under the present key. */
  get transmission(): Transmission {
    return {
      ssrc: this.#ssrc >>> 0,
      packets: this.#sent - this.#sentBefore,
      octets: this.#octets,
      timestamp: this.timestamp,
    };
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
    return this.#timestamp >>> 0;
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
      users: this.#streams.users(),
      totals: this.#streams.totals(),
    };
  }

  /** A key has come: packets can be sealed and opened, and all senders start anew. */
  start(ssrc: number, cipher: PacketCipher, dave?: EndToEnd): void {
    this.#dave = dave;
    this.#streams.restart();
    this.#sentBefore = this.#sent;
    this.#octets = 0;
    this.#ssrc = ssrc | 0;
    this.#cipher?.erase();
    this.#cipher = cipher;
  }

  /** Whether `packetize` seals: only while the session is connected. */
  setSending(sending: boolean): void {
    this.#sending = sending;
  }

  /** The session is gone, and its key with it. */
  stop(): void {
    this.#cipher?.erase();
    this.#cipher = undefined;
    this.#dave = undefined;
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
    const overhead = RTP_HEADER_SIZE + (cipher?.overhead ?? PACKET_OVERHEAD);
    const limit = overhead + frame.length + (this.#dave === undefined ? 0 : MAX_FRAME_OVERHEAD);
    if (into.length < limit) {
      throw new RangeError(
        `Cannot packetize a frame of ${frame.length} bytes: ` +
          `the buffer has ${into.length} bytes, ${limit} are needed`,
      );
    }
    if (cipher === undefined || !this.#sending) return 0;
    const size = this.#putPayload(frame, into);
    if (size < 0) return 0;
    writeRtpHeader(into, this.#sequence, timestamp | 0, this.#ssrc);
    cipher.seal(into, RTP_HEADER_SIZE, size);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = timestamp + duration | 0;
    this.#sent++;
    this.#octets += size;
    return overhead + size;
  }

  /** See `VoiceSession.depacketize`. */
  depacketize(datagram: Uint8Array, into: Uint8Array, now?: number): number {
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
    const video = this.#videoOf(header);
    if (video !== undefined) return this.drop(video);
    if (header.payloadType !== OPUS_PAYLOAD_TYPE) return this.drop("payload-type");
    const cipher = this.#cipher;
    if (cipher === undefined) return this.drop("not-connected");
    const size = cipher.openRtp(datagram, header, into);
    if (size < 0) return this.drop(cipher.fault);
    const ssrc = header.ssrc | 0;
    const arrival = this.#streams.receive(ssrc, header.sequence, header.timestamp | 0, now);
    if (arrival === "duplicate") return this.drop("duplicate");
    if (size === 0) return this.drop("padding-only");
    if (isSilence(into, size)) this.#streams.pause(ssrc);
    this.#parsed = this.#accepted;
    this.#accepted = header;
    this.#received++;
    return size;
  }

  /**
   * Opens a datagram of RTCP.
   *
   * @param datagram Any bytes; not changed.
   * @returns Its packets; none where it was dropped and counted.
   */
  openRtcp(datagram: Uint8Array): RtcpPacket[] {
    const cipher = this.#cipher;
    const compound = cipher === undefined ? "not-connected" : openRtcp(cipher, datagram);
    if (typeof compound === "string") {
      this.drop(compound);
      return [];
    }
    try {
      return parseRtcp(compound);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.drop("bad-rtcp");
      return [];
    }
  }

  /**
   * Seals a compound of RTCP, while the session is connected and where the mode allows it.
   *
   * @param compound One packet or several.
   * @returns The datagram, or `undefined` where nothing can be sent.
   */
  sealRtcp(compound: Uint8Array): Uint8Array | undefined {
    const cipher = this.#cipher;
    if (cipher === undefined || !this.#sending || !canSealRtcp(cipher)) return undefined;
    return sealRtcp(cipher, compound);
  }

  #videoOf({ ssrc, payloadType }: RtpHeader): VideoKind | undefined {
    const told = this.#participants.videoOf(ssrc | 0);
    if (told !== undefined) return told;
    if (payloadType < FIRST_VIDEO_TYPE || payloadType > LAST_VIDEO_TYPE) return undefined;
    return payloadType % 2 === 1 ? "video" : "rtx";
  }

  /** Puts the frame, end-to-end encrypted, behind the header's place; -1: not now. */
  #putPayload(frame: Uint8Array, into: Uint8Array): number {
    if (this.#dave === undefined) {
      into.set(frame, RTP_HEADER_SIZE);
      return frame.length;
    }
    if (into !== this.#into) {
      this.#into = into;
      this.#payload = into.subarray(RTP_HEADER_SIZE);
    }
    return this.#dave.seal(frame, this.#payload);
  }
}
