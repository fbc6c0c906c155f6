/**
 * What to do when a voice WebSocket closes: the recovery policy, as a table.
 *
 * @module
 */

/**
 * - `resume`: a new WebSocket continues the session; where none is established yet,
 *   the handshake starts again
 * - `rejoin`: a fresh join through the main gateway
 * - `wait`: new data from the main gateway decides
 * - `stop`: the end; trying again would not help
 */
export type RecoveryAction = "resume" | "rejoin" | "wait" | "stop";

/** One row of the recovery table. */
export interface CloseCode {
  /** What the code means. */
  readonly meaning: string;
  /** What is done first. */
  readonly action: RecoveryAction;
  /** What to look at, for the person who runs the bot. */
  readonly hint: string;
}

const BUG = "This is a defect of the client; please report it";
const NETWORK = "Look at the network between the bot and the voice server";
const MOVED = "The bot was moved or disconnected, or the channel is gone";

/** Close codes of the voice gateway; for others see `closeCode`. */
export const CLOSE_CODES: { readonly [code: number]: CloseCode } = {
  1000: {
    meaning: "normal closure",
    action: "stop",
    hint: "The server ended the session",
  },
  4000: { meaning: "unknown error", action: "resume", hint: NETWORK },
  4001: { meaning: "unknown opcode", action: "stop", hint: BUG },
  4002: { meaning: "failed to decode payload", action: "stop", hint: BUG },
  4003: { meaning: "not authenticated", action: "stop", hint: BUG },
  4004: {
    meaning: "authentication failed",
    action: "stop",
    hint: "The voice token is wrong or old; use the newest VOICE_SERVER_UPDATE",
  },
  4005: { meaning: "already authenticated", action: "rejoin", hint: BUG },
  4006: {
    meaning: "session no longer valid",
    action: "rejoin",
    hint: "The session id is old; use the newest VOICE_STATE_UPDATE",
  },
  4008: {
    meaning: "rate limited",
    action: "stop",
    hint: "Send fewer messages",
  },
  4009: { meaning: "session timeout", action: "rejoin", hint: NETWORK },
  4011: {
    meaning: "server not found",
    action: "rejoin",
    hint: "The guild id and the endpoint do not belong together",
  },
  4012: { meaning: "unknown protocol", action: "stop", hint: BUG },
  4013: { meaning: "media backend crashed", action: "resume", hint: NETWORK },
  4014: { meaning: "disconnected", action: "wait", hint: MOVED },
  4015: { meaning: "voice server crashed", action: "resume", hint: NETWORK },
  4016: {
    meaning: "unknown encryption mode",
    action: "stop",
    hint: "The server refuses the encryption mode; offer both AEAD modes",
  },
  4017: {
    meaning: "end-to-end encryption required",
    action: "stop",
    hint: "The channel takes only clients that speak DAVE",
  },
  4020: { meaning: "bad request", action: "stop", hint: BUG },
  4021: {
    meaning: "rate limited",
    action: "stop",
    hint: "Wait for minutes before the next try",
  },
  4022: { meaning: "call terminated", action: "wait", hint: MOVED },
  4800: { meaning: "heartbeat timeout", action: "resume", hint: NETWORK },
  4900: { meaning: "reconnect", action: "resume", hint: NETWORK },
};

/**
 * Looks a close code up. Codes below 4000 are the network's; what Discord has not
 * documented is treated as a session that is gone.
 *
 * @param code Close code of a WebSocket; 1006 where there was none.
 * @returns The row of the table that applies.
 */
export function closeCode(code: number): CloseCode {
  const row = CLOSE_CODES[code];
  if (row !== undefined) return row;
  return code < 4000
    ? { meaning: "connection lost", action: "resume", hint: NETWORK }
    : { meaning: "undocumented close code", action: "rejoin", hint: NETWORK };
}
