/**
 * The states of end-to-end encryption, as a table.
 *
 * Theory of operation: a state says what the client is to the call's MLS group; a signal is a
 * message that was found valid, or what it led to. `DAVE_TRANSITIONS` is all there is: a
 * message whose signal has an empty cell is ignored, since the gateway may send it late. Which
 * keys are in use is not told here: around a transition several are (see `pending.ts`).
 *
 * @module
 */

/**
 * A state of end-to-end encryption.
 *
 * - `idle`: nothing is known of the call; messages of the group are held
 * - `off`: the call has no end-to-end encryption
 * - `waiting`: a key package was sent; the external sender is awaited
 * - `founded`: there is a group of our own in which to commit; the call's group is awaited
 * - `established`: we are in the call's group
 * - `removed`: a commit has removed us; a new group is awaited
 * - `closed`: the end; all keys are erased
 */
export type DaveState =
  | "idle"
  | "off"
  | "waiting"
  | "founded"
  | "established"
  | "removed"
  | "closed";

/** States of end-to-end encryption, in the order in which a call goes through them. */
export const DAVE_STATES: readonly DaveState[] = [
  "idle",
  "off",
  "waiting",
  "founded",
  "established",
  "removed",
  "closed",
];

/**
 * What can happen to end-to-end encryption.
 *
 * - `initialise`: a new group is to be made (op 4 with a version, op 24 with epoch 1)
 * - `disable`: the call has no encryption (op 4 without a version, a downgrade was executed)
 * - `externalSender`: op 25 was accepted
 * - `proposals`: op 27 was accepted
 * - `commit`: op 29 has led to a new epoch
 * - `removal`: op 29 has removed us
 * - `welcome`: op 30 has led into the call's group
 * - `failure`: op 29, op 30 or the media cannot be read, or nobody adds us; we start over
 * - `close`: the call is left
 */
export type DaveSignal =
  | "initialise"
  | "disable"
  | "externalSender"
  | "proposals"
  | "commit"
  | "removal"
  | "welcome"
  | "failure"
  | "close";

/** Signals of end-to-end encryption. */
export const DAVE_SIGNALS: readonly DaveSignal[] = [
  "initialise",
  "disable",
  "externalSender",
  "proposals",
  "commit",
  "removal",
  "welcome",
  "failure",
  "close",
];

/** Signal -> next state; a signal that is missing is ignored. */
export type DaveTransitionRow = { readonly [S in DaveSignal]?: DaveState };

const ALIVE = {
  initialise: "waiting",
  disable: "off",
  close: "closed",
} as const satisfies DaveTransitionRow;

/** State x signal -> next state. */
export const DAVE_TRANSITIONS: { readonly [S in DaveState]: DaveTransitionRow } = {
  idle: { ...ALIVE, externalSender: "idle" },
  off: { ...ALIVE, externalSender: "off" },
  waiting: { ...ALIVE, externalSender: "founded", failure: "waiting" },
  founded: {
    ...ALIVE,
    externalSender: "founded",
    proposals: "founded",
    commit: "established",
    welcome: "established",
    failure: "waiting",
  },
  established: {
    ...ALIVE,
    externalSender: "established",
    proposals: "established",
    commit: "established",
    removal: "removed",
    failure: "waiting",
  },
  removed: { ...ALIVE, externalSender: "removed", failure: "waiting" },
  closed: {},
};

/**
 * Looks a transition up.
 *
 * @param state The present state.
 * @param signal What happened.
 * @returns The next state, or `undefined` where the signal is ignored.
 */
export function daveTransition(state: DaveState, signal: DaveSignal): DaveState | undefined {
  return DAVE_TRANSITIONS[state][signal];
}
