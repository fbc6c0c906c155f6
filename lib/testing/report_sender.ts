/**
 * The voice server's receiver reports (RTCP): every few seconds it tells each sender what has
 * come of its packets. Whoever has sent nothing since the last report gets none. Which SSRC
 * Discord's servers report with was not seen; this one has none of its own and says 0.
 *
 * @module
 */

import type { DiscoveredAddress } from "../ip_discovery.ts";
import { buildReceiverReport, canSealRtcp, sealRtcp } from "../rtp/rtcp.ts";
import type { ServerSession } from "./server_session.ts";
import type { SessionTable } from "./session_table.ts";

/** What the reports need of the server around them. */
export interface ReportContext {
  /** Milliseconds between two reports; Infinity for none. */
  readonly interval: number;
  /** All sessions. */
  readonly sessions: SessionTable;
  /** Takes what is to be sent. */
  readonly transmit: (to: DiscoveredAddress, datagram: Uint8Array) => void;
}

/** Sends reports to all senders. */
export class ReportSender {
  readonly #context: ReportContext;

  /** @param context The server around it. */
  constructor(context: ReportContext) {
    this.#context = context;
  }

  /**
   * A packet of a session was accepted.
   *
   * @param session The sender.
   * @param sequence Its RTP sequence number.
   * @param timestamp Its RTP timestamp.
   * @param now Monotonic milliseconds.
   */
  heard(session: ServerSession, sequence: number, timestamp: number, now: number): void {
    session.reception.receive(sequence, timestamp, now);
    session.reportAt ??= now + this.#context.interval;
  }

  /** When `expire` has something to do. */
  next(): number | undefined {
    let earliest = Infinity;
    for (const { reportAt = Infinity } of this.#context.sessions.all()) {
      earliest = Math.min(earliest, reportAt);
    }
    return earliest === Infinity ? undefined : earliest;
  }

  /** Sends the reports that are due. */
  expire(now: number): void {
    for (const session of this.#context.sessions.all()) {
      if ((session.reportAt ?? Infinity) > now) continue;
      session.reportAt = undefined;
      this.#report(session, now);
    }
  }

  #report({ cipher, address, ssrc, reception }: ServerSession, now: number): void {
    if (cipher === undefined || address === undefined || !canSealRtcp(cipher)) return;
    const report = buildReceiverReport(0, [reception.report(ssrc, now)]);
    this.#context.transmit(address, sealRtcp(cipher, report));
  }
}
