/**
 * The frames of DAVE: sealed by one sender, opened by all who share the epoch.
 *
 * @module
 */

export {
  FRAME_KEY_SIZE,
  FRAME_NONCE_SIZE,
  FRAME_TAG_SIZE,
  type FrameAead,
  type FrameAeadProvider,
} from "./aead.ts";
export { type FrameCodec, sealedSizeLimit } from "./codecs.ts";
export {
  type FrameFault,
  type FrameForm,
  type FrameMedia,
  FrameOpener,
  RATCHET_LIMIT,
} from "./frame_opener.ts";
export {
  FrameSealer,
  type FrameSealerOptions,
  NONCE_RESERVE,
  type SealFault,
} from "./frame_sealer.ts";
export { pureFrameAead } from "./gcm.ts";
export { BASE_SECRET_SIZE } from "./key_ratchet.ts";
export { RATCHET_OVERLAP, type RatchetFault } from "./remote_ratchet.ts";
export type { SendRatchetState } from "./send_ratchet.ts";
export { isSilence } from "../../audio/opus_toc.ts";
