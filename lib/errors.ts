/**
 * Errors by who is at fault: the caller (`LocalProtocolError`), the network
 * (`RemoteProtocolError`, never thrown at a user), or neither (`VoiceConnectError`:
 * why a connection could not be made or was lost).
 *
 * @module
 */

import type { State } from "./state.ts";

/** A call that is not legal now. Nothing has changed. */
export class LocalProtocolError extends Error {
  /** Name of the class. */
  override readonly name = "LocalProtocolError";
}

/** Something received is not what the protocol says. The session counts it and goes on. */
export class RemoteProtocolError extends Error {
  /** Name of the class. */
  override readonly name = "RemoteProtocolError";
}

/** The payload of a message is not what it must be. */
export class PayloadError extends RemoteProtocolError {
  /** Opcode of the message. */
  readonly op: number;
  /** Name of the field, where it is one. */
  readonly field: string | undefined;
  /** What must be what: no received value. */
  readonly rule: string;

  /**
   * Says what is wrong.
   *
   * @param op Opcode of the message.
   * @param field Name of the field; `undefined` for the whole payload.
   * @param wanted What it must be.
   * @param value What was received instead, where that may be shown.
   */
  constructor(op: number, field: string | undefined, wanted: string, value?: string) {
    const rule = `${field === undefined ? "the payload" : `"${field}"`} must be ${wanted}`;
    super(`op ${op}: ${rule}${value === undefined ? "" : `: got ${value}`}`);
    this.op = op;
    this.field = field;
    this.rule = rule;
  }
}

/** Why a connection ended without being asked to. */
export type VoiceConnectErrorCode =
  | "timeout"
  | "gateway-refused"
  | "gateway-closed"
  | "closed"
  | "no-shared-mode"
  | "udp-unreachable"
  | "disconnected"
  | "left";

/** What is known of the end of a connection. */
export interface VoiceConnectErrorDetails {
  /** The state in which it happened. */
  readonly phase: State;
  /** What happened. */
  readonly code: VoiceConnectErrorCode;
  /** What to look at, for the person who runs the bot. */
  readonly hint: string;
  /** Last close code of the WebSocket on this voice server, where one was received. */
  readonly closeCode?: number | undefined;
  /** What lay beneath it, for example the reason of an `AbortSignal`. */
  readonly cause?: unknown;
}

/** A connection could not be made, or was lost for good. */
export class VoiceConnectError extends Error {
  /** Name of the class. */
  override readonly name = "VoiceConnectError";
  /** The state in which it happened. */
  readonly phase: State;
  /** What happened. */
  readonly code: VoiceConnectErrorCode;
  /** What to look at, for the person who runs the bot. */
  readonly hint: string;
  /** Last close code of the WebSocket on this voice server, where one was received. */
  readonly closeCode: number | undefined;

  /**
   * Says what could not be done, to people and to programs.
   *
   * @param message What could not be done, a colon, what was met.
   * @param details The same for programs.
   */
  constructor(message: string, details: VoiceConnectErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.phase = details.phase;
    this.code = details.code;
    this.hint = details.hint;
    this.closeCode = details.closeCode;
  }
}
