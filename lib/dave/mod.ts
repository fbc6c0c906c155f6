/**
 * End-to-end encryption (DAVE) without I/O: what `VoiceSession` takes as `dave`, and each part of
 * it alone: the session of one call, MLS, frames, codes. The runtimes' `joinVoice` has it on by
 * default; this entry point is for a transport of your own, for relays of video, and for servers.
 *
 * What is left out of MLS (RFC 9420): every cipher suite but 2, private messages, PSKs,
 * re-initialisation, external commits, proposals of members, and all that DAVE does not use.
 *
 * @example On a session of your own
 * ```ts
 * import { VoiceSession } from "@sotto/voice/core";
 * import { createDave } from "@sotto/voice/dave";
 *
 * const session = new VoiceSession({
 *   guildId: "41771983423143937",
 *   userId: "104694319306248192",
 *   random: (into) => crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
 *   dave: createDave(),
 * });
 * ```
 *
 * @example Seal and open a frame with a key that two parties have
 * ```ts
 * import { FrameOpener, FrameSealer, sealedSizeLimit } from "@sotto/voice/dave";
 *
 * const secret = new Uint8Array(16);
 * const [sealer, opener] = [new FrameSealer(), new FrameOpener()];
 * sealer.setRatchet(secret);
 * opener.addRatchet(secret, 0);
 * const opus = Uint8Array.of(0xfc, 1, 2, 3);
 * const sealed = new Uint8Array(sealedSizeLimit("opus", opus.length));
 * const size = sealer.seal(opus, sealed);
 * const opened = new Uint8Array(size);
 * opener.open(sealed.subarray(0, size), opened, 0); // 4 bytes
 * ```
 *
 * @module
 */

export * from "./codes.ts";
export { createDave, type DaveOptions } from "./create.ts";
export * from "./frames/mod.ts";
export type { DaveIgnoreReason } from "./io.ts";
export * from "./mls/mod.ts";
export {
  type DaveCounters,
  DaveSession,
  type DaveSessionOptions,
  DECRYPTION_FAILURE_TOLERANCE,
} from "./session.ts";
export {
  DAVE_SIGNALS,
  DAVE_STATES,
  DAVE_TRANSITIONS,
  type DaveSignal,
  type DaveState,
  daveTransition,
  type DaveTransitionRow,
} from "./transitions.ts";
export * from "../end_to_end.ts";
export { LocalProtocolError, RemoteProtocolError } from "../errors.ts";
export type { VoiceReceivePayload, VoiceSendPayload } from "../payloads.ts";
export { Secret } from "../secret.ts";
