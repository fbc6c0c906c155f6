/**
 * End-to-end encryption in all rooms of the voice server: who takes part in it, and one
 * delivery service a room (see `dave/room.ts`).
 *
 * @module
 */

import type { MlsCrypto } from "../dave/mls/mod.ts";
import { DAVE_VERSION } from "../end_to_end.ts";
import type { IdentifyPayload } from "../payloads.ts";
import { isSnowflake } from "../snowflake.ts";
import { ClientFault } from "./client_messages.ts";
import type { DaveRejectReason } from "./dave/rejection.ts";
import { type DaveClientMessage, DaveRoom, type DaveServerMessage } from "./dave/room.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import type { DavePolicy } from "./server_io.ts";
import type { ServerSession } from "./server_session.ts";

/** What the rooms need of the server around them. */
export interface DaveRoomsContext {
  /** Whether there is end-to-end encryption. */
  readonly policy: DavePolicy;
  /** The primitives of MLS. */
  readonly mls: MlsCrypto;
  /** Sends a message to a client. */
  readonly tell: (session: ServerSession, message: DaveServerMessage) => void;
  /** Takes events. */
  readonly report: (details: ServerEventDetails, subject: EventSubject) => void;
}

/** The end-to-end encryption of a server. */
export class DaveRooms {
  readonly #context: DaveRoomsContext;
  readonly #rooms = new Map<string, DaveRoom<ServerSession>>();
  readonly #rejected: Partial<Record<DaveRejectReason, number>> = {};

  /** @param context The server around them. */
  constructor(context: DaveRoomsContext) {
    this.#context = context;
  }

  /** Dropped messages by reason. */
  get rejected(): Readonly<Partial<Record<DaveRejectReason, number>>> {
    return { ...this.#rejected };
  }

  /**
   * Finds the highest version that a client and this server both speak; MLS has only room for
   * ids that are unsigned 64-bit integers.
   *
   * @param identity What Identify said.
   * @param channelId The channel of its call.
   * @throws {ClientFault} 4017: it is none, and must be one.
   */
  admit(identity: IdentifyPayload, channelId: string): number {
    const { policy } = this.#context;
    const offered = identity.max_dave_protocol_version ?? 0;
    const able = policy !== "off" && isSnowflake(identity.user_id) && isSnowflake(channelId);
    const version = able ? Math.min(offered, DAVE_VERSION) : 0;
    if (version === 0 && policy === "required") {
      throw new ClientFault(4017, "E2EE/DAVE protocol required");
    }
    return version;
  }

  /** Ready was sent. */
  join(session: ServerSession, now: number): void {
    if (this.#context.policy === "off") return;
    const room = this.#rooms.get(session.room) ?? this.#makeRoom(session.guildId);
    this.#rooms.set(session.room, room);
    room.join(session, now);
  }

  /** Session Description is about to be sent. @returns The version that it tells. */
  describe(session: ServerSession, now: number): number {
    return this.#rooms.get(session.room)?.describe(session, now) ?? 0;
  }

  /** Session Description was sent. */
  described(session: ServerSession): void {
    this.#rooms.get(session.room)?.described(session);
  }

  /** A client has resumed without that anything is sent again. */
  resume(session: ServerSession, now: number): void {
    this.#rooms.get(session.room)?.resume(session, now);
  }

  /** A session is over. */
  leave(session: ServerSession, now: number): void {
    const room = this.#rooms.get(session.room);
    room?.leave(session, now);
    if (room?.size !== 0) return;
    room.close();
    this.#rooms.delete(session.room);
  }

  /** Takes a message of a client. */
  receive(session: ServerSession, message: DaveClientMessage, now: number): void {
    this.#rooms.get(session.room)?.receive(session, message, now);
  }

  /** When `expire` has something to do. */
  next(): number | undefined {
    let next = Infinity;
    for (const room of this.#rooms.values()) next = Math.min(next, room.next() ?? Infinity);
    return next === Infinity ? undefined : next;
  }

  /** Does what is due. */
  expire(now: number): void {
    for (const room of this.#rooms.values()) if ((room.next() ?? Infinity) <= now) room.expire(now);
  }

  #makeRoom(guildId: string): DaveRoom<ServerSession> {
    const { mls, tell, report } = this.#context;
    return new DaveRoom({
      mls,
      tell,
      report: (details, session) => report(details, session?.subject ?? { guildId }),
      drop: (...message) => this.#drop(...message),
    });
  }

  /** That a commit comes second is the rule: all members send one. */
  #drop(session: ServerSession, opcode: number, reason: DaveRejectReason): void {
    this.#rejected[reason] = (this.#rejected[reason] ?? 0) + 1;
    if (reason === "late") return;
    this.#context.report({ type: "dave-rejected", opcode, reason }, session.subject);
  }
}
