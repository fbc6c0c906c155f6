/**
 * The UDP side of the voice server: answers IP discovery in the form that was asked (or in the
 * one that the options force) and keepalives, opens each
 * RTP packet with its sender's key and seals it anew for each receiver. Header (extension,
 * CSRC list, padding and marker bits) and payload stay as they are. Between modes only
 * the border between clear and encrypted bytes moves: what the sender's mode hides of the
 * header, the receiver's may show.
 *
 * Theory of operation: a packet belongs to whoever's key opens it. Its SSRC and its
 * source address only say whose key to try, so no address can be taken over by
 * claiming an SSRC; a packet that opens teaches the address. IP discovery teaches it
 * too, as on Discord, where it is the only way for a client that merely listens.
 * A nonce that comes again is a replay and is dropped, whoever repeats it. Speaking
 * travels over TCP and may be overtaken: packets wait for it for a moment. RTCP is opened and
 * told of; it is not passed on.
 *
 * @module
 */

import { classifyDatagram } from "../demux.ts";
import {
  type DiscoveredAddress,
  type DiscoveryRequest,
  discoveryResponse,
  parseDiscoveryRequest,
} from "../ip_discovery.ts";
import { RemoteProtocolError } from "../errors.ts";
import { keepaliveForm, keepaliveReply, parseKeepalive } from "../keepalive.ts";
import { NONCE_LIMIT } from "../nonce.ts";
import type { PacketCipher } from "../packet.ts";
import { TIMESTAMP_RATE } from "../reception.ts";
import {
  compactNtp,
  parseRtcp,
  type ReceiverReport,
  RTCP_CLEAR_SIZE,
  type RtcpPacket,
  type SenderReport,
} from "../rtp/rtcp.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../rtp_header.ts";
import type { DropLog } from "./drop_log.ts";
import type { DATAGRAM_POINTS, STEP_POINTS } from "./faults.ts";
import type { PacketDropReason, ServerEventDetails } from "./server_events.ts";
import type { ServerSettings } from "./server_options.ts";
import type { ServerSession } from "./server_session.ts";
import type { SessionTable } from "./session_table.ts";

/** Milliseconds for which a packet waits for its sender's Speaking. */
export const SPEAKING_HOLD_TIME = 250;

/** Most packets that wait, of all senders together; the oldest give way. */
export const SPEAKING_HOLD_LIMIT = 256;

const DATAGRAM_LIMIT = 65_536;

/** Counters of the relay. */
export interface RelayCounters {
  /** Datagrams that came. */
  datagrams: number;
  /** IP discovery requests that were answered. */
  discoveries: number;
  /** Keepalives that were answered, echoes included. */
  keepalivesAnswered: number;
  /** Keepalives of forms that are not answered. */
  keepalivesIgnored: number;
  /** RTCP datagrams that were accepted. */
  rtcp: number;
  /** RTP packets that were accepted. */
  accepted: number;
  /** RTP packets that were sent to receivers. */
  relayed: number;
}

/** What the relay needs of the server around it. */
export interface RelayContext {
  /** How discovery and keepalives are answered. */
  readonly settings: Pick<ServerSettings, "discovery" | "echoKeepalives">;
  /** All sessions. */
  readonly sessions: SessionTable;
  /** Where dropped datagrams are counted. */
  readonly drops: DropLog;
  /** Whether a fault comes in place of what a client has asked for. */
  readonly fails: (step: typeof STEP_POINTS[number], session: ServerSession) => boolean;
  /** Takes what is to be sent, and to whom where that is known. */
  readonly transmit: (
    place: typeof DATAGRAM_POINTS[number],
    to: DiscoveredAddress,
    datagram: Uint8Array,
    session: ServerSession | undefined,
  ) => void;
  /** Hears of each packet that was accepted. */
  readonly heard: (
    session: ServerSession,
    sequence: number,
    timestamp: number,
    now: number,
  ) => void;
  /** Takes events. */
  readonly report: (details: ServerEventDetails, session: ServerSession) => void;
}

interface Held {
  readonly sender: ServerSession;
  readonly packet: Uint8Array;
  readonly until: number;
}

interface Opened {
  readonly sender: ServerSession;
  /** Header and plaintext, in the same order in every mode. */
  readonly packet: Uint8Array;
  readonly nonce: string;
}

/** Relays packets between the members of a room. */
export class PacketRelay {
  readonly #context: RelayContext;
  readonly #header = new RtpHeader();
  readonly #plain = new Uint8Array(DATAGRAM_LIMIT);
  readonly #counters: RelayCounters = {
    datagrams: 0,
    discoveries: 0,
    keepalivesAnswered: 0,
    keepalivesIgnored: 0,
    rtcp: 0,
    accepted: 0,
    relayed: 0,
  };
  #held: Held[] = [];

  /** @param context The server around it. */
  constructor(context: RelayContext) {
    this.#context = context;
  }

  /** What was received and sent. */
  get counters(): Readonly<RelayCounters> {
    return { ...this.#counters };
  }

  /**
   * Takes a datagram. Never throws.
   *
   * @param datagram Any bytes; borrowed until the call returns.
   * @param from Where it comes from.
   * @param now Monotonic milliseconds.
   */
  receive(datagram: Uint8Array, from: DiscoveredAddress, now: number): void {
    this.#counters.datagrams++;
    // First, since in the 70-byte forms it can look like RTP.
    const request = parseDiscoveryRequest(datagram);
    if (request !== undefined) return this.#answerDiscovery(request, from, now);
    switch (classifyDatagram(datagram)) {
      case "keepalive":
        return this.#answerKeepalive(datagram, from);
      case "discovery-request":
        return this.#drop("bad-discovery", this.#context.sessions.byAddress(from), now);
      case "rtcp":
        return this.#receiveRtcp(datagram, from, now);
      default:
        return this.#receiveRtp(datagram, from, now);
    }
  }

  /**
   * A sender's Speaking has come: its packets that waited go on.
   *
   * @param sender Whose Speaking.
   * @param now Monotonic milliseconds.
   */
  release(sender: ServerSession, now: number): void {
    this.#held = this.#held.filter((held) => {
      if (held.sender !== sender) return true;
      this.#relay(sender, held.packet, now);
      return false;
    });
  }

  /** A session is over: nothing of it waits any longer. */
  forget(session: ServerSession): void {
    this.#held = this.#held.filter((held) => held.sender !== session);
  }

  /** When `expire` has something to do. */
  next(): number | undefined {
    return this.#held[0]?.until;
  }

  /** Drops the packets that have waited in vain. */
  expire(now: number): void {
    while (this.#held.length > 0 && this.#held[0].until <= now) this.#dropHeld(now);
  }

  #answerDiscovery(request: DiscoveryRequest, from: DiscoveredAddress, now: number): void {
    const { sessions, report, settings, fails, transmit } = this.#context;
    const { ssrc, form } = request;
    const session = sessions.bySsrc(ssrc);
    if (session === undefined) return this.#drop("unknown-ssrc", undefined, now);
    if (fails("discovery", session)) return;
    if (sessions.learn(session, from)) {
      const { address, port } = from;
      report({ type: "discovery", ssrc, address, port }, session);
    }
    this.#counters.discoveries++;
    const response = discoveryResponse(ssrc, from, settings.discovery ?? form);
    transmit("IpDiscovery", from, response, session);
  }

  #answerKeepalive(datagram: Uint8Array, from: DiscoveredAddress): void {
    const sequence = parseKeepalive(datagram);
    const answer = sequence === undefined ? this.#echoOf(datagram) : keepaliveReply(sequence);
    if (answer === undefined) {
      this.#counters.keepalivesIgnored++;
      return;
    }
    this.#counters.keepalivesAnswered++;
    const { sessions, transmit } = this.#context;
    transmit("Keepalive", from, answer, sessions.byAddress(from));
  }

  /** Counters were echoed once, an SSRC and the form of JDA never were. */
  #echoOf(datagram: Uint8Array): Uint8Array | undefined {
    const form = keepaliveForm(datagram);
    const counts = form === "counter-le" || form === "counter-be";
    return counts && this.#context.settings.echoKeepalives ? new Uint8Array(datagram) : undefined;
  }

  #receiveRtp(datagram: Uint8Array, from: DiscoveredAddress, now: number): void {
    const { sessions } = this.#context;
    const header = this.#header;
    const known = sessions.byAddress(from);
    const fault = parseRtpHeader(datagram, header);
    if (fault !== undefined) return this.#drop(fault, known, now);
    const owner = sessions.bySsrc(header.ssrc);
    const opened = this.#open(datagram, owner, known, (cipher) => cipher.clearSize(header));
    if (typeof opened === "string") return this.#drop(opened, known ?? owner, now);
    const { sender, packet, nonce } = opened;
    if (sender !== owner) return this.#drop("wrong-ssrc", sender, now);
    // Only now the whole header can be read in every mode.
    if (parseRtpHeader(packet, header) !== undefined) {
      return this.#drop("bad-extension", sender, now);
    }
    if (!sender.nonces.add(nonce)) return this.#drop("replay", sender, now);
    sessions.learn(sender, from);
    this.#counters.accepted++;
    this.#context.heard(sender, header.sequence, header.timestamp, now);
    if (sender.flags === undefined) this.#hold(sender, packet, now);
    else this.#relay(sender, packet, now);
  }

  #receiveRtcp(datagram: Uint8Array, from: DiscoveredAddress, now: number): void {
    const { sessions } = this.#context;
    const known = sessions.byAddress(from);
    const owner = sessions.bySsrc(readU32(datagram, 4));
    const opened = this.#open(datagram, owner, known, () => RTCP_CLEAR_SIZE);
    if (typeof opened === "string") return this.#drop(opened, known ?? owner, now);
    const { sender, packet, nonce } = opened;
    if (sender !== owner) return this.#drop("wrong-ssrc", sender, now);
    if (!sender.nonces.add(nonce)) return this.#drop("replay", sender, now);
    let packets: RtcpPacket[];
    try {
      packets = parseRtcp(packet);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      return this.#drop("bad-rtcp", sender, now);
    }
    sessions.learn(sender, from);
    this.#counters.rtcp++;
    const report = packets.find((packet) =>
      packet.type === "senderReport" || packet.type === "receiverReport"
    );
    if (report !== undefined) this.#takeReport(sender, report, now);
  }

  #takeReport(sender: ServerSession, report: SenderReport | ReceiverReport, now: number): void {
    const { ssrc } = sender;
    if (report.type === "senderReport") {
      sender.reception.takeSenderReport(compactNtp(report.ntpTimestamp), now);
      const { packetCount: packets, octetCount: octets } = report;
      this.#context.report({ type: "sender-report", ssrc, packets, octets }, sender);
    }
    for (const { ssrc: source, fractionLost, cumulativeLost, jitter } of report.blocks) {
      this.#context.report({
        type: "reception-report",
        ssrc,
        source,
        fractionLost: fractionLost / 256,
        lost: cumulativeLost,
        jitter: jitter / TIMESTAMP_RATE,
      }, sender);
    }
  }

  /** Finds whose key opens a packet: the SSRC's owner, else whoever has the address. */
  #open(
    datagram: Uint8Array,
    owner: ServerSession | undefined,
    known: ServerSession | undefined,
    clearSizeOf: (cipher: PacketCipher) => number,
  ): Opened | PacketDropReason {
    if (owner === undefined && known === undefined) return "unknown-source";
    let fault: PacketDropReason = "not-selected";
    for (const candidate of new Set([owner, known])) {
      const cipher = candidate?.cipher;
      if (candidate === undefined || cipher === undefined) continue;
      const clearSize = clearSizeOf(cipher);
      const plainSize = cipher.open(datagram, clearSize, this.#plain);
      if (plainSize >= 0) {
        const packet = new Uint8Array(clearSize + plainSize);
        packet.set(datagram.subarray(0, clearSize));
        packet.set(this.#plain.subarray(0, plainSize), clearSize);
        return { sender: candidate, packet, nonce: String.fromCharCode(...cipher.openedNonce) };
      }
      fault = cipher.fault;
    }
    return fault;
  }

  #hold(sender: ServerSession, packet: Uint8Array, now: number): void {
    this.#held.push({ sender, packet, until: now + SPEAKING_HOLD_TIME });
    if (this.#held.length > SPEAKING_HOLD_LIMIT) this.#dropHeld(now);
  }

  #dropHeld(now: number): void {
    const held = this.#held.shift();
    if (held !== undefined) this.#drop("no-speaking", held.sender, now);
  }

  #relay(sender: ServerSession, packet: Uint8Array, now: number): void {
    parseRtpHeader(packet, this.#header);
    for (const receiver of this.#context.sessions.others(sender)) {
      const { cipher, address } = receiver;
      if (cipher === undefined || address === undefined) continue;
      if (cipher.nonce >= NONCE_LIMIT) {
        this.#drop("nonces-spent", receiver, now);
        continue;
      }
      const datagram = new Uint8Array(packet.length + cipher.overhead);
      const clearSize = cipher.clearSize(this.#header);
      datagram.set(packet);
      cipher.seal(datagram, clearSize, packet.length - clearSize);
      this.#counters.relayed++;
      this.#context.transmit("Rtp", address, datagram, receiver);
    }
  }

  #drop(reason: PacketDropReason, session: ServerSession | undefined, now: number): void {
    this.#context.drops.drop(reason, session, now);
  }
}
