/**
 * The signalling state machine of a voice session, as a table.
 *
 * Theory of operation: a state says what the session waits for; a signal is what
 * ended the wait. `TRANSITIONS` is all there is: an empty cell is a protocol error
 * of whoever caused the signal. When a retry is due is the business of the recovery
 * budget and its timers, not of this table.
 *
 * @module
 */

/**
 * A state of a voice session.
 *
 * - `idle`: nothing has been asked for
 * - `signalling`: op 4 was sent; both gateway updates are awaited
 * - `waiting`: the voice server is gone; a new update is awaited
 * - `connecting`: the WebSocket opens
 * - `identifying`: Identify was sent; Ready is awaited
 * - `discovering`: the UDP address is being found
 * - `selecting`: Select Protocol was sent; the key is awaited
 * - `connected`: audio flows
 * - `reconnecting`: the WebSocket is lost and opens again
 * - `resuming`: Resume was sent; Resumed is awaited
 * - `closed`: the end
 */
export type State =
  | "idle"
  | "signalling"
  | "waiting"
  | "connecting"
  | "identifying"
  | "discovering"
  | "selecting"
  | "connected"
  | "reconnecting"
  | "resuming"
  | "closed";

/** States of a voice session, in the order in which a call goes through them. */
export const STATES: readonly State[] = [
  "idle",
  "signalling",
  "waiting",
  "connecting",
  "identifying",
  "discovering",
  "selecting",
  "connected",
  "reconnecting",
  "resuming",
  "closed",
];

/** What can happen to a session; see the table. */
export type Signal =
  | "join"
  | "serverUpdate"
  | "websocketOpen"
  | "ready"
  | "addressDiscovered"
  | "sessionDescription"
  | "resumed"
  | "resumableClose"
  | "rejoinClose"
  | "waitClose"
  | "fatalClose"
  | "leave";

/** Signals of a voice session. */
export const SIGNALS: readonly Signal[] = [
  "join",
  "serverUpdate",
  "websocketOpen",
  "ready",
  "addressDiscovered",
  "sessionDescription",
  "resumed",
  "resumableClose",
  "rejoinClose",
  "waitClose",
  "fatalClose",
  "leave",
];

/** Signal -> next state; a signal that is missing is a protocol error. */
export type TransitionRow = { readonly [S in Signal]?: State };

const LIVE = {
  join: "signalling",
  serverUpdate: "connecting",
  fatalClose: "closed",
  leave: "closed",
} as const satisfies TransitionRow;

const HANDSHAKE = {
  ...LIVE,
  resumableClose: "connecting",
  rejoinClose: "signalling",
  waitClose: "waiting",
} as const satisfies TransitionRow;

const ESTABLISHED = {
  ...HANDSHAKE,
  resumableClose: "reconnecting",
} as const satisfies TransitionRow;

/** State x signal -> next state. */
export const TRANSITIONS: { readonly [S in State]: TransitionRow } = {
  idle: { join: "signalling", serverUpdate: "connecting", leave: "closed" },
  signalling: LIVE,
  waiting: LIVE,
  connecting: { ...HANDSHAKE, websocketOpen: "identifying" },
  identifying: { ...HANDSHAKE, ready: "discovering" },
  discovering: { ...HANDSHAKE, addressDiscovered: "selecting" },
  selecting: { ...HANDSHAKE, sessionDescription: "connected" },
  connected: { ...ESTABLISHED, sessionDescription: "connected" },
  reconnecting: { ...ESTABLISHED, websocketOpen: "resuming" },
  resuming: { ...ESTABLISHED, ready: "discovering", resumed: "connected" },
  closed: {},
};

/**
 * Looks a transition up.
 *
 * @param state The present state.
 * @param signal What happened.
 * @returns The next state, or `undefined` where the signal is a protocol error.
 */
export function transition(state: State, signal: Signal): State | undefined {
  return TRANSITIONS[state][signal];
}
