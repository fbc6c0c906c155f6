/**
 * All sessions of a voice server, found by SSRC, by UDP address and by room.
 *
 * @module
 */

import type { DiscoveredAddress } from "../ip_discovery.ts";
import type { ServerSession } from "./server_session.ts";

/** Holds the sessions. */
export class SessionTable {
  readonly #bySsrc = new Map<number, ServerSession>();
  readonly #byAddress = new Map<string, ServerSession>();
  readonly #rooms = new Map<string, Set<ServerSession>>();

  /** How many sessions there are. */
  get size(): number {
    return this.#bySsrc.size;
  }

  /** How many rooms have a session. */
  get roomCount(): number {
    return this.#rooms.size;
  }

  /** Adds a session to its room. */
  add(session: ServerSession): void {
    this.#bySsrc.set(session.ssrc, session);
    const room = this.#rooms.get(session.room) ?? new Set();
    room.add(session);
    this.#rooms.set(session.room, room);
  }

  /** Takes a session out of its room and forgets its address. */
  remove(session: ServerSession): void {
    this.#bySsrc.delete(session.ssrc);
    this.#forgetAddress(session);
    const room = this.#rooms.get(session.room);
    room?.delete(session);
    if (room?.size === 0) this.#rooms.delete(session.room);
  }

  /** All sessions, in the order of their SSRCs. */
  all(): ServerSession[] {
    return [...this.#bySsrc.values()];
  }

  /** The session with an SSRC. */
  bySsrc(ssrc: number): ServerSession | undefined {
    return this.#bySsrc.get(ssrc);
  }

  /** The session that sends from an address. */
  byAddress(address: DiscoveredAddress): ServerSession | undefined {
    return this.#byAddress.get(keyOf(address));
  }

  /** The members of a session's room but itself. */
  *others(session: ServerSession): Iterable<ServerSession> {
    for (const other of this.#rooms.get(session.room) ?? []) {
      if (other !== session) yield other;
    }
  }

  /**
   * A session sends from an address; whoever had it before, no longer has it.
   *
   * @returns Whether that is news.
   */
  learn(session: ServerSession, address: DiscoveredAddress): boolean {
    const key = keyOf(address);
    const holder = this.#byAddress.get(key);
    if (holder === session) return false;
    if (holder !== undefined) holder.address = undefined;
    this.#forgetAddress(session);
    session.address = { address: address.address, port: address.port };
    this.#byAddress.set(key, session);
    return true;
  }

  #forgetAddress(session: ServerSession): void {
    if (session.address !== undefined) this.#byAddress.delete(keyOf(session.address));
    session.address = undefined;
  }
}

function keyOf(address: DiscoveredAddress): string {
  return `${address.address}:${address.port}`;
}
