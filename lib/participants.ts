/**
 * Who is in the channel, and which SSRC is whose. Speaking (op 5) and Video (op 12)
 * tell SSRCs; Clients Connect (11), Client Flags (18) and Client Platform (20) only users; Client
 * Disconnect (13) takes both away. What is told last holds. All is bounded: a user
 * beyond the bound replaces the oldest one.
 *
 * @module
 */

/** Most users that are remembered. */
export const PARTICIPANT_LIMIT = 4096;

/** Most SSRCs of a user's video that are remembered: four layers and their retransmissions. */
export const VIDEO_SSRC_LIMIT = 8;

/** What an SSRC carries that is no voice: video, or what is sent again of it. */
export type VideoKind = "video" | "rtx";

interface Ssrcs {
  audio: number | undefined;
  video: readonly number[];
}

/** Maps SSRCs to users and users to SSRCs. */
export class Participants {
  readonly #evicted: (userId: string) => void;
  readonly #users = new Set<string>();
  readonly #ssrcsByUser = new Map<string, Ssrcs>();
  /** By SSRC as a signed integer, which the engine keeps without an object. */
  readonly #userBySsrc = new Map<number, string>();
  readonly #kinds = new Map<number, VideoKind>();

  /**
   * Starts without users.
   *
   * @param evicted Hears who has given way to a newcomer, where there were too many.
   */
  constructor(evicted: (userId: string) => void = () => {}) {
    this.#evicted = evicted;
  }

  /** Users who are in the channel, as far as the server has said. */
  get users(): ReadonlySet<string> {
    return this.#users;
  }

  /**
   * A user is in the channel.
   *
   * @returns Whether that is news.
   */
  add(userId: string): boolean {
    if (this.#users.has(userId)) return false;
    if (this.#users.size >= PARTICIPANT_LIMIT) this.#evict();
    this.#users.add(userId);
    this.#ssrcsByUser.set(userId, { audio: undefined, video: [] });
    return true;
  }

  /** The SSRC of a user's voice; an earlier one of the user is forgotten. */
  map(ssrc: number, userId: string): void {
    const ssrcs = this.#ssrcsOf(userId);
    if (ssrcs.audio !== undefined) this.#release(ssrcs.audio, userId);
    ssrcs.audio = ssrc;
    ssrcs.video = ssrcs.video.filter((other) => other !== ssrc);
    this.#userBySsrc.set(ssrc | 0, userId);
    this.#kinds.delete(ssrc | 0);
  }

  /**
   * The SSRCs of a user's video, at most `VIDEO_SSRC_LIMIT`; earlier ones are forgotten.
   *
   * @param ssrcs All of them.
   * @param userId The user.
   * @param retransmissions Those with which video is sent again; none by default.
   */
  mapVideo(
    ssrcs: readonly number[],
    userId: string,
    retransmissions: readonly number[] = [],
  ): void {
    const known = this.#ssrcsOf(userId);
    known.audio = this.ssrcOf(userId);
    for (const ssrc of known.video) this.#release(ssrc, userId);
    known.video = ssrcs.filter((ssrc) => ssrc !== known.audio).slice(0, VIDEO_SSRC_LIMIT);
    for (const ssrc of known.video) {
      this.#userBySsrc.set(ssrc | 0, userId);
      this.#kinds.set(ssrc | 0, retransmissions.includes(ssrc) ? "rtx" : "video");
    }
  }

  /**
   * A user has left the channel.
   *
   * @returns Whether that is news.
   */
  remove(userId: string): boolean {
    const { audio, video } = this.#ssrcsByUser.get(userId) ?? { audio: undefined, video: [] };
    for (const ssrc of audio === undefined ? video : [audio, ...video]) this.#release(ssrc, userId);
    this.#ssrcsByUser.delete(userId);
    return this.#users.delete(userId);
  }

  /** Forgets all: the channel is another one. */
  clear(): void {
    this.#users.clear();
    this.#ssrcsByUser.clear();
    this.#userBySsrc.clear();
    this.#kinds.clear();
  }

  /** The user of an SSRC, where it is known. Here and below an SSRC may be signed or not. */
  userOf(ssrc: number): string | undefined {
    return this.#userBySsrc.get(ssrc | 0);
  }

  /** What an SSRC carries, where it was told to be no voice. */
  videoOf(ssrc: number): VideoKind | undefined {
    return this.#kinds.get(ssrc | 0);
  }

  /** The SSRC of a user's voice, where it is known and nobody else's by now. */
  ssrcOf(userId: string): number | undefined {
    const ssrc = this.#ssrcsByUser.get(userId)?.audio;
    return ssrc !== undefined && this.userOf(ssrc) === userId ? ssrc : undefined;
  }

  #evict(): void {
    const [oldest] = this.#users;
    this.remove(oldest);
    this.#evicted(oldest);
  }

  #ssrcsOf(userId: string): Ssrcs {
    this.add(userId);
    return this.#ssrcsByUser.get(userId)!;
  }

  /** The SSRC is the user's no more, unless somebody else has got it. */
  #release(ssrc: number, userId: string): void {
    if (this.userOf(ssrc) !== userId) return;
    this.#userBySsrc.delete(ssrc | 0);
    this.#kinds.delete(ssrc | 0);
  }
}
