/**
 * What is heard, by SSRC and by user.
 *
 * Theory of operation: a stream belongs to the user whose SSRC it was when it was heard, and
 * still does once that user is gone. Where an SSRC begins anew (another user got it, a new key
 * came, the bound was reached) its figures are added to those of its user, so a user who came
 * back with another SSRC is one entry.
 *
 * @module
 */

import { Reception } from "./reception.ts";
import type { ReportBlock } from "./rtp/rtcp.ts";
import type { Arrival } from "./sequence.ts";

/** Most SSRCs that are followed; the oldest gives way. */
export const STREAM_LIMIT = 1024;

/** Most users whose earlier streams are remembered; whoever was not heard for longest gives way. */
export const HEARD_USER_LIMIT = 1024;

/** Most SSRCs that are remembered of one user's earlier streams. */
const SSRC_LIMIT = 8;

/** What sequence numbers say of one stream or of several. */
export interface ArrivalCounters {
  /** Packets that came, duplicates left out. */
  readonly received: number;
  /** Packets missing between the first and the highest sequence number. */
  readonly lost: number;
  /** Packets that came behind a later one. */
  readonly late: number;
  /** Packets that came again and were dropped. */
  readonly duplicates: number;
}

/** Counters of one SSRC. */
export interface StreamStats extends ArrivalCounters {
  /** The SSRC. */
  readonly ssrc: number;
  /** Interarrival jitter in milliseconds (RFC 3550); 0 where arrival times are not given. */
  readonly jitter: number;
}

/** Counters of one user, over all SSRCs that he has had. */
export interface HeardUser extends ArrivalCounters {
  /** The user. */
  readonly userId: string;
  /** The SSRCs with which he is or was heard under the present key. */
  readonly ssrcs: readonly number[];
  /** Interarrival jitter of the newest stream in milliseconds (RFC 3550). */
  readonly jitter: number;
}

type Sums = { -readonly [K in keyof ArrivalCounters]: number };

interface Stream {
  readonly reception: Reception;
  userId: string | undefined;
  /** The SSRC has gone to somebody else, or to nobody. */
  ended: boolean;
  /** When it was reported last; the order counts alone. */
  reportedAt: number;
}

interface HeardEntry {
  readonly sums: Sums;
  readonly ssrcs: number[];
  jitter: number;
}

/** Follows each SSRC that is heard. */
export class Streams {
  readonly #userOf: (ssrc: number) => string | undefined;
  /** By SSRC as a signed integer, which the engine keeps without an object. */
  readonly #streams = new Map<number, Stream>();
  readonly #users = new Map<string, HeardEntry>();
  readonly #past = noSums();

  /**
   * Starts with nothing heard.
   *
   * @param userOf Finds the user of an SSRC; nobody's by default.
   */
  constructor(userOf: (ssrc: number) => string | undefined = () => undefined) {
    this.#userOf = userOf;
  }

  /**
   * A packet came.
   *
   * @param ssrc Its SSRC, signed or not, as in all that follows.
   * @param sequence Its 16-bit sequence number.
   * @param timestamp Its RTP timestamp, signed or not.
   * @param now When it came, in monotonic milliseconds; without it jitter is not measured.
   * @returns What the sequence number says.
   */
  receive(ssrc: number, sequence: number, timestamp = 0, now?: number): Arrival {
    let stream = this.#streams.get(ssrc | 0);
    if (stream === undefined || stream.ended) stream = this.#begin(ssrc | 0);
    return stream.reception.receive(sequence, timestamp, now);
  }

  /** A sender has fallen silent: the time until its next packet is no jitter. */
  pause(ssrc: number): void {
    this.#streams.get(ssrc | 0)?.reception.pause();
  }

  /** An SSRC is a user's: what was heard of nobody's was the user's, what was another's is over. */
  assign(ssrc: number, userId: string): void {
    const stream = this.#streams.get(ssrc | 0);
    if (stream === undefined) return;
    stream.userId ??= userId;
    if (stream.userId !== userId) stream.ended = true;
  }

  /** An SSRC is nobody's any more; what comes with it from now on is another stream. */
  end(ssrc: number): void {
    const stream = this.#streams.get(ssrc | 0);
    if (stream !== undefined) stream.ended = true;
  }

  /** A new key has come: all streams begin anew. */
  restart(): void {
    for (const [ssrc, stream] of this.#streams) this.#fold(ssrc, stream);
    this.#streams.clear();
    for (const { ssrcs } of this.#users.values()) ssrcs.length = 0;
  }

  /** The counters of each SSRC. */
  stats(): StreamStats[] {
    return Array.from(this.#streams, ([ssrc, { reception }]) => {
      const { received, lost, late, duplicates } = reception.sequences;
      return { ssrc: ssrc >>> 0, received, lost, late, duplicates, jitter: reception.jitter };
    });
  }

  /** The counters of each user who was heard, also of those who have left. */
  users(): HeardUser[] {
    const users = new Map<string, HeardEntry>();
    for (const [userId, { sums, ssrcs, jitter }] of this.#users) {
      users.set(userId, { sums: { ...sums }, ssrcs: [...ssrcs], jitter });
    }
    for (const [ssrc, { userId, reception }] of this.#streams) {
      if (userId !== undefined) addStream(entryOf(users, userId), ssrc, reception);
    }
    return Array.from(
      users,
      ([userId, { sums, ssrcs, jitter }]) => ({ userId, ssrcs, ...sums, jitter }),
    );
  }

  /** The counters of all that was ever heard, whoever it was. */
  totals(): ArrivalCounters {
    const sums = { ...this.#past };
    for (const { reception } of this.#streams.values()) add(sums, reception.sequences);
    return sums;
  }

  /** A sender report came; of an SSRC that is not heard it is left aside. See `Reception`. */
  takeSenderReport(ssrc: number, compact: number, now: number): void {
    this.#streams.get(ssrc | 0)?.reception.takeSenderReport(compact, now);
  }

  /**
   * Reports what was heard since the last report; where there is too much, that which was not
   * reported for longest.
   *
   * @param limit Most blocks.
   * @param now Monotonic milliseconds.
   * @returns A block for each SSRC.
   */
  report(limit: number, now: number): ReportBlock[] {
    return [...this.#streams]
      .filter(([, { ended, reception }]) => !ended && reception.hasNews)
      .sort(([, a], [, b]) => a.reportedAt - b.reportedAt)
      .slice(0, limit)
      .map(([ssrc, stream]) => {
        stream.reportedAt = now;
        return stream.reception.report(ssrc >>> 0, now);
      });
  }

  #begin(ssrc: number): Stream {
    const old = this.#streams.get(ssrc);
    if (old !== undefined) this.#fold(ssrc, old);
    else if (this.#streams.size >= STREAM_LIMIT) {
      const [[oldest, stream]] = this.#streams;
      this.#fold(oldest, stream);
      this.#streams.delete(oldest);
    }
    const reception = new Reception();
    const userId = this.#userOf(ssrc >>> 0);
    const stream = { reception, userId, ended: false, reportedAt: -Infinity };
    this.#streams.set(ssrc, stream);
    return stream;
  }

  /** Adds a stream that is over to the figures of its user. */
  #fold(ssrc: number, { userId, reception }: Stream): void {
    add(this.#past, reception.sequences);
    if (userId === undefined) return;
    const entry = entryOf(this.#users, userId);
    addStream(entry, ssrc, reception);
    if (entry.ssrcs.length > SSRC_LIMIT) entry.ssrcs.shift();
    this.#users.delete(userId);
    this.#users.set(userId, entry);
    if (this.#users.size <= HEARD_USER_LIMIT) return;
    const [oldest] = this.#users.keys();
    this.#users.delete(oldest);
  }
}

function noSums(): Sums {
  return { received: 0, lost: 0, late: 0, duplicates: 0 };
}

function entryOf(users: Map<string, HeardEntry>, userId: string): HeardEntry {
  let entry = users.get(userId);
  if (entry === undefined) users.set(userId, entry = { sums: noSums(), ssrcs: [], jitter: 0 });
  return entry;
}

function addStream(entry: HeardEntry, signed: number, reception: Reception): void {
  const ssrc = signed >>> 0;
  add(entry.sums, reception.sequences);
  if (!entry.ssrcs.includes(ssrc)) entry.ssrcs.push(ssrc);
  entry.jitter = reception.jitter;
}

function add(sums: Sums, { received, lost, late, duplicates }: ArrivalCounters): void {
  sums.received += received;
  sums.lost += lost;
  sums.late += late;
  sums.duplicates += duplicates;
}
