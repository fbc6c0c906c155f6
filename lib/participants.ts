/**
 * Who is in the channel, and which SSRC is whose. Both maps are bounded: an entry
 * beyond the bound replaces the oldest one.
 *
 * @module
 */

/** Most users, and most SSRCs, that are remembered. */
export const PARTICIPANT_LIMIT = 4096;

/** Maps SSRCs to users. */
export class Participants {
  readonly #users = new Set<string>();
  readonly #userBySsrc = new Map<number, string>();

  /** Users who are in the channel, as far as the server has said. */
  get users(): ReadonlySet<string> {
    return this.#users;
  }

  /** Who gives way to the next newcomer, where there are too many. */
  get surplus(): string | undefined {
    if (this.#users.size < PARTICIPANT_LIMIT) return undefined;
    const [oldest] = this.#users;
    return oldest;
  }

  /**
   * A user is in the channel.
   *
   * @returns Whether that is news.
   */
  add(userId: string): boolean {
    if (this.#users.has(userId)) return false;
    const { surplus } = this;
    if (surplus !== undefined) this.remove(surplus);
    this.#users.add(userId);
    return true;
  }

  /** An SSRC belongs to a user; an earlier SSRC of the user is forgotten. */
  map(ssrc: number, userId: string): void {
    if (this.#userBySsrc.get(ssrc) === userId) return;
    this.#forgetSsrcOf(userId);
    this.#userBySsrc.delete(ssrc);
    this.#userBySsrc.set(ssrc, userId);
    this.add(userId);
  }

  /**
   * A user has left the channel.
   *
   * @returns Whether that is news.
   */
  remove(userId: string): boolean {
    this.#forgetSsrcOf(userId);
    return this.#users.delete(userId);
  }

  /** Forgets all: the channel is another one. */
  clear(): void {
    this.#users.clear();
    this.#userBySsrc.clear();
  }

  /** The user of an SSRC, where it is known. */
  userOf(ssrc: number): string | undefined {
    return this.#userBySsrc.get(ssrc);
  }

  #forgetSsrcOf(userId: string): void {
    for (const [ssrc, user] of this.#userBySsrc) {
      if (user === userId) this.#userBySsrc.delete(ssrc);
    }
  }
}
