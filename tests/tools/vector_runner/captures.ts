/**
 * `discordjs_rtp_captures.json`: RTP packets of Discord's clients, some with their key.
 *
 * @module
 */

import { TAG_SIZE } from "../../../lib/aead.ts";
import { parseRtpHeader, RtpHeader } from "../../../lib/rtp_header.ts";
import type { RtpPacket } from "../../../lib/rtp/packet.ts";
import { expectEqual, fail, type Fields, hexField, hexOrNone, integerField } from "./fields.ts";
import { checkRtpFields, ciphersOf, modeField } from "./packets.ts";

/**
 * Opens a capture. Without a key its header is parsed, and the plaintext that was published
 * goes through the core as if it had not been encrypted.
 *
 * @throws {Error} The core finds another payload.
 */
export function checkCapture(capture: Fields): string | void {
  const packet = hexField(capture, "packet_hex");
  const plain = hexField(capture, "plaintext_hex");
  const wanted: Fields = {
    seq: integerField(capture, "sequence"),
    timestamp: integerField(capture, "timestamp"),
    ssrc: integerField(capture, "ssrc"),
    opus: hexField(capture, "opus_hex"),
  };
  const clearSize = clearSizeOf(packet);
  const key = hexOrNone(capture, "key_hex");
  if (key === undefined) {
    const opened = Uint8Array.from([...packet.subarray(0, clearSize), ...plain]);
    for (const [, cipher] of ciphersOf("plain", undefined)) {
      checkExtension(capture, checkRtpFields(cipher, opened, wanted));
    }
    return "no key is published: the header and the published plaintext are parsed";
  }
  for (const [name, cipher] of ciphersOf(modeField(capture), key)) {
    checkExtension(capture, checkRtpFields(cipher, packet, wanted));
    const into = new Uint8Array(packet.length);
    const size = cipher.open(packet, clearSize, into);
    expectEqual(`The plaintext (${name})`, into.subarray(0, size), plain);
    const nonce = hexOrNone(capture, "nonce_suffix_hex");
    const wire = packet.subarray(packet.length - cipher.overhead + TAG_SIZE);
    if (nonce !== undefined) expectEqual("The nonce on the wire", wire, nonce);
  }
}

function checkExtension(capture: Fields, { extension }: RtpPacket): void {
  const body = hexOrNone(capture, "extension_hex");
  if (body !== undefined) expectEqual("The extension", extension?.body ?? new Uint8Array(), body);
}

/** The captures are all of `rtpsize` modes. */
function clearSizeOf(packet: Uint8Array): number {
  const header = new RtpHeader();
  const fault = parseRtpHeader(packet, header);
  return fault === undefined ? header.clearSize : fail(`The core rejects it: ${fault}`);
}
