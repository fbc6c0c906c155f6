/**
 * Why end-to-end encryption has left a message aside. What it puts out is in `../end_to_end.ts`.
 *
 * @module
 */

import type { MlsErrorCode } from "./mls/mod.ts";

/**
 * Why a message had no effect: the MLS message is not valid, its time is not now, a transition
 * is unknown, a version or epoch makes no sense, or too much is held.
 */
export type DaveIgnoreReason =
  | MlsErrorCode
  | "wrong-state"
  | "unknown-transition"
  | "bad-epoch"
  | "queue-full";
