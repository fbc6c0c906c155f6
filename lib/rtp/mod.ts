/**
 * RTP beyond what a session needs, for a transport of your own: whole packets with CSRC list,
 * header extension and padding, sealed and opened; header extensions (audio level, speaker);
 * RTCP; what a datagram is at all; and `Receiver`, which sorts opened packets by user.
 *
 * @example A packet that says how loud it is
 * ```ts
 * import { PacketCipher, pureAead } from "@sotto/voice/core";
 * import { buildAudioLevel, oneByteExtension, sealRtpPacket } from "@sotto/voice/rtp";
 *
 * const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", new Uint8Array(32), pureAead);
 * const extension = oneByteExtension([buildAudioLevel({ voice: true, level: 30 })]);
 * const fields = { sequence: 1, timestamp: 960, ssrc: 1234, extension };
 * const datagram = sealRtpPacket(cipher, fields, Uint8Array.of(0xf8, 0xff, 0xfe));
 * ```
 *
 * @module
 */

export { nobleAead } from "../aead.ts";
export * from "../demux.ts";
export { type KeepaliveForm, keepaliveForm } from "../keepalive.ts";
export {
  COUNTER_KEEPALIVES,
  counterKeepalive,
  parseCounterKeepalive,
} from "../keepalive_counter.ts";
export * from "../packet_buffer.ts";
export * from "../packet_pool.ts";
export * from "../received_frame.ts";
export * from "../receiver.ts";
export { nobleCiphers, nobleSecretbox, pureCiphers } from "../secretbox.ts";
export * from "./extension.ts";
export * from "./header.ts";
export * from "./packet.ts";
export * from "./rtcp.ts";
