/**
 * What the voice server knows of one WebSocket: whose it is, and which messages may come
 * on it.
 *
 * @module
 */

import {
  GATEWAY_VERSIONS,
  type GatewayVersion,
  UNNAMED_GATEWAY_VERSION,
} from "../gateway_version.ts";
import { VoiceOpcodes } from "../opcodes.ts";
import { ClientFault } from "./client_messages.ts";
import { MessageRate } from "./message_rate.ts";
import type { EventSubject } from "./server_events.ts";
import type { ServerSession } from "./server_session.ts";

const MESSAGE_RATE = [1000, 5000] as const;
/** Unknown opcodes of one WebSocket that are reported. */
const IGNORED_LIMIT = 256;

/** Opcodes that begin a session. */
const FIRST_OPCODES: readonly number[] = [VoiceOpcodes.Identify, VoiceOpcodes.Resume];

/** Opcodes on which this server acts. */
const ACTED_OPCODES: readonly number[] = [
  ...FIRST_OPCODES,
  VoiceOpcodes.Heartbeat,
  VoiceOpcodes.SelectProtocol,
  VoiceOpcodes.Speaking,
];

/** Opcodes in text frames on which it acts where the client has announced DAVE. */
const DAVE_OPCODES: readonly number[] = [
  VoiceOpcodes.DaveTransitionReady,
  VoiceOpcodes.DaveMlsInvalidCommitWelcome,
];

/** Opcodes that clients send and on which this server does not act. */
const PASSIVE_OPCODES: readonly number[] = [
  VoiceOpcodes.Video,
  VoiceOpcodes.SessionUpdate,
  VoiceOpcodes.MediaSinkWants,
  VoiceOpcodes.VoiceBackendVersion,
  VoiceOpcodes.NoRoute,
];

/** An open WebSocket. */
export class ServerSocket {
  /** Its id. */
  readonly id: number;
  /** The version that it speaks. */
  readonly version: GatewayVersion;
  /** Counts its messages. */
  readonly rate: MessageRate = new MessageRate(...MESSAGE_RATE);
  /** When it is closed, unless a heartbeat comes. */
  deadline: number;
  /** Whose it is, once that is known. */
  session: ServerSession | undefined;
  readonly #ignored = new Set<number>();

  /**
   * A WebSocket has opened.
   *
   * @param id Its id.
   * @param version The version that it speaks.
   * @param deadline When it is closed, unless a heartbeat comes.
   */
  constructor(id: number, version: GatewayVersion, deadline: number) {
    this.id = id;
    this.version = version;
    this.deadline = deadline;
  }

  /** The ids for an event. */
  get subject(): EventSubject {
    return this.session?.subject ?? { websocket: this.id };
  }

  /** Whether its client has announced DAVE, and may use it. */
  get speaksDave(): boolean {
    return this.session !== undefined && this.session.daveVersion > 0;
  }

  /** Whose it is. @throws {ClientFault} 4003: nobody has identified. */
  get identified(): ServerSession {
    if (this.session === undefined) throw new ClientFault(4003, "Not authenticated.");
    return this.session;
  }

  /**
   * Demands Identify or Resume once, before anything but heartbeats.
   *
   * @param op Opcode of the message.
   * @returns Whether the server acts on such messages.
   * @throws {ClientFault} 4003 or 4005: it comes out of turn.
   */
  admit(op: number): boolean {
    if (FIRST_OPCODES.includes(op)) {
      if (this.session !== undefined) throw new ClientFault(4005, "Already authenticated.");
    } else if (op !== VoiceOpcodes.Heartbeat) void this.identified;
    return ACTED_OPCODES.includes(op) || this.speaksDave && DAVE_OPCODES.includes(op);
  }

  /** Whether an opcode on which the server does not act is to be reported: once, if unknown. */
  isNews(op: number): boolean {
    const ignored = this.#ignored;
    if (PASSIVE_OPCODES.includes(op) || ignored.has(op) || ignored.size >= IGNORED_LIMIT) {
      return false;
    }
    ignored.add(op);
    return true;
  }
}

/** The version that a URL names, or `undefined` where there is none such. */
export function requestedVersion(path: string): GatewayVersion | undefined {
  const named = /[?&]v=([^&]*)/.exec(path)?.[1];
  if (named === undefined) return UNNAMED_GATEWAY_VERSION;
  return GATEWAY_VERSIONS.find((version) => String(version) === named);
}
