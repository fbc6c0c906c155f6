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
  1000: row("normal closure", "stop", "The server ended the session"),
  4000: row("unknown error", "resume", NETWORK),
  4001: row("unknown opcode", "stop", BUG),
  4002: row("failed to decode payload", "stop", BUG),
  4003: row("not authenticated", "stop", BUG),
  4004: row(
    "authentication failed",
    "stop",
    "The voice token is wrong or old; use the newest VOICE_SERVER_UPDATE",
  ),
  4005: row("already authenticated", "rejoin", BUG),
  4006: row(
    "session no longer valid",
    "rejoin",
    "The session id is old; use the newest VOICE_STATE_UPDATE",
  ),
  4008: row("rate limited", "stop", "Send fewer messages"),
  4009: row("session timeout", "rejoin", NETWORK),
  4011: row("server not found", "rejoin", "The guild id and the endpoint do not belong together"),
  4012: row("unknown protocol", "stop", BUG),
  4013: row("media backend crashed", "resume", NETWORK),
  4014: row("disconnected", "wait", MOVED),
  4015: row("voice server crashed", "resume", NETWORK),
  4016: row(
    "unknown encryption mode",
    "stop",
    "The server refuses the encryption mode; offer both AEAD modes",
  ),
  4017: row(
    "end-to-end encryption required",
    "stop",
    "The channel takes only clients that speak DAVE: leave `daveEncryption` on",
  ),
  4020: row("bad request", "stop", BUG),
  4021: row("rate limited", "stop", "Wait for minutes before the next try"),
  4022: row("call terminated", "wait", MOVED),
  4800: row("heartbeat timeout", "resume", NETWORK),
  4900: row("reconnect", "resume", NETWORK),
};

/**
 * Looks a close code up. Codes below 4000 are the network's (between Identify and the key a
 * session rejoins after them); what Discord has not documented is treated as a session that is
 * gone.
 *
 * @param code Close code of a WebSocket; 1006 where there was none.
 * @returns The row of the table that applies.
 */
export function closeCode(code: number): CloseCode {
  const known = CLOSE_CODES[code];
  if (known !== undefined) return known;
  return code < 4000
    ? row("connection lost", "resume", NETWORK)
    : row("undocumented close code", "rejoin", NETWORK);
}

function row(meaning: string, action: RecoveryAction, hint: string): CloseCode {
  return { meaning, action, hint };
}
