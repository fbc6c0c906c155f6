/**
 * RTP header extensions in the one-byte form (RFC 8285 section 4.2, profile 0xBEDE), and the
 * two that Discord's clients put on audio: the audio level (RFC 6464) and the speaker.
 *
 * An element is a byte `id << 4 | size - 1` and 1 to 16 bytes of data. In Discord's `rtpsize`
 * modes the body is encrypted with the payload, and its first bytes are the plaintext's. How long
 * it is, only the preamble says (`RtpHeader.extensionWords`), never a walk over the elements.
 * The ids are those of Discord's UDP transport; on WebRTC the SDP assigns others.
 *
 * @example What a client of Discord puts before its audio
 * ```ts
 * import { buildAudioLevel, buildExtensions, buildSpeaker } from "@sotto/voice/rtp";
 *
 * const body = buildExtensions([buildAudioLevel({ voice: true, level: 50 }), buildSpeaker(1)]);
 * // 10 b2 90 02
 * ```
 *
 * @module
 */

import { RemoteProtocolError } from "../errors.ts";
import type { RtpExtension } from "./header.ts";
import { SpeakingFlags } from "../speaking.ts";

/** Profile in the extension's preamble that announces one-byte elements. */
export const ONE_BYTE_EXTENSION_PROFILE = 0xbede;

/** Id of the audio level in Discord's UDP transport. */
export const AUDIO_LEVEL_EXTENSION_ID = 1;

/** Id of the speaker in Discord's UDP transport. */
export const SPEAKER_EXTENSION_ID = 9;

const PADDING_ID = 0;
const STOP_ID = 15;
const MAX_DATA_SIZE = 16;
const MAX_BODY_SIZE = 4 * 0xffff;
const LOUDNESS_MASK = 0x7f;

/** An element of a header extension. */
export interface RtpExtensionElement {
  /** 1 to 14. */
  readonly id: number;
  /** 1 to 16 bytes. */
  readonly data: Uint8Array;
}

/** How loud the frame of a packet is (RFC 6464 section 3). */
export interface AudioLevel {
  /** Whether the sender takes the frame for voice. */
  readonly voice: boolean;
  /** 0 (as loud as can be) to 127 (silence), in -dBov: 50 is 50 dB below overload. */
  readonly level: number;
}

/**
 * Parses the body of a one-byte header extension.
 *
 * Zero bytes between elements are skipped. Id 15 ends the body, as does id 0 with a size
 * (RFC 8285 section 4.2).
 *
 * @param body The decrypted body, without its preamble; not changed.
 * @returns The elements in their order, with data of their own.
 * @throws {RemoteProtocolError} An element reaches past the end of the body.
 */
export function parseExtensions(body: Uint8Array): RtpExtensionElement[] {
  const elements: RtpExtensionElement[] = [];
  for (let at = 0; at < body.length;) {
    const head = body[at++];
    if (head === 0) continue;
    const id = head >>> 4;
    if (id === PADDING_ID || id === STOP_ID) break;
    const end = at + (head & 0x0f) + 1;
    if (end > body.length) {
      throw new RemoteProtocolError(
        `Cannot parse the header extension at byte ${at - 1}: element ${id} has ` +
          `${end - at} bytes, ${body.length - at} are left`,
      );
    }
    elements.push({ id, data: body.slice(at, end) });
    at = end;
  }
  return elements;
}

/**
 * Builds the body of a one-byte header extension.
 *
 * @param elements The elements in their order.
 * @returns The body without its preamble, padded with zeros to words of 4 bytes.
 * @throws {RangeError} An id is not 1 to 14, data is not 1 to 16 bytes, or all together exceed
 * 65535 words.
 */
export function buildExtensions(elements: readonly RtpExtensionElement[]): Uint8Array {
  const body = new Uint8Array(bodySize(elements));
  let at = 0;
  for (const { id, data } of elements) {
    body[at++] = id << 4 | data.length - 1;
    body.set(data, at);
    at += data.length;
  }
  return body;
}

/**
 * Makes a header extension of one-byte elements, as `buildRtpHeader` and `sealRtpPacket` take it.
 *
 * @param elements The elements in their order.
 * @returns The extension with the profile 0xBEDE.
 * @throws {RangeError} See `buildExtensions`.
 */
export function oneByteExtension(elements: readonly RtpExtensionElement[]): RtpExtension {
  return { profile: ONE_BYTE_EXTENSION_PROFILE, body: buildExtensions(elements) };
}

/**
 * Parses the data of a speaker element, as it stands.
 *
 * A client takes less for more: see `speakingOf`.
 *
 * @param data One byte: 0x01 priority, 0x02 voice, 0x04 soundshare.
 * @returns `SpeakingFlags`.
 * @throws {RemoteProtocolError} The data is not one byte.
 */
export function parseSpeaker(data: Uint8Array): number {
  const byte = onlyByte("speaker", data);
  return byte >>> 1 & 3 | (byte & 1) << 2;
}

/**
 * Builds a speaker element.
 *
 * @param speaking `SpeakingFlags`; other bits are cut off.
 */
export function buildSpeaker(speaking: number): RtpExtensionElement {
  const byte = (speaking & 3) << 1 | (speaking & 4) >>> 2;
  return { id: SPEAKER_EXTENSION_ID, data: Uint8Array.of(byte) };
}

/**
 * Tells how the sender of a packet speaks, as a client of Discord understands it: without a
 * speaker element, or where it says nothing, it is voice, and priority implies voice.
 *
 * @param elements The elements of the packet's extension; the first speaker element counts.
 * @returns `SpeakingFlags`, never 0.
 * @throws {RemoteProtocolError} The speaker element is not one byte.
 */
export function speakingOf(elements: readonly RtpExtensionElement[]): number {
  const element = elements.find(({ id }) => id === SPEAKER_EXTENSION_ID);
  const speaking = element === undefined ? 0 : parseSpeaker(element.data);
  const silent = (speaking & (SpeakingFlags.Microphone | SpeakingFlags.Soundshare)) === 0;
  return silent ? speaking | SpeakingFlags.Microphone : speaking;
}

/**
 * Parses the data of an audio level element.
 *
 * @param data One byte.
 * @throws {RemoteProtocolError} The data is not one byte.
 */
export function parseAudioLevel(data: Uint8Array): AudioLevel {
  const byte = onlyByte("audio level", data);
  return { voice: (byte & 0x80) !== 0, level: byte & LOUDNESS_MASK };
}

/**
 * Builds an audio level element.
 *
 * @param level How loud the frame is.
 * @throws {RangeError} The level is no integer of 0 to 127.
 */
export function buildAudioLevel(level: AudioLevel): RtpExtensionElement {
  if ((level.level & LOUDNESS_MASK) !== level.level) {
    throw new RangeError(
      `Cannot build an audio level of ${level.level}: it is an integer of 0 to 127`,
    );
  }
  const byte = (level.voice ? 0x80 : 0) | level.level;
  return { id: AUDIO_LEVEL_EXTENSION_ID, data: Uint8Array.of(byte) };
}

function bodySize(elements: readonly RtpExtensionElement[]): number {
  let size = 0;
  for (const { id, data } of elements) {
    if (!Number.isInteger(id) || id <= PADDING_ID || id >= STOP_ID) {
      throw new RangeError(`Cannot build a header extension: id ${id} is not 1 to 14`);
    }
    if (data.length < 1 || data.length > MAX_DATA_SIZE) {
      throw new RangeError(
        `Cannot build a header extension: element ${id} has ${data.length} bytes, not 1 to 16`,
      );
    }
    size += 1 + data.length;
  }
  if (size > MAX_BODY_SIZE) {
    throw new RangeError(
      `Cannot build a header extension of ${size} bytes: at most ${MAX_BODY_SIZE} can be announced`,
    );
  }
  return 4 * Math.ceil(size / 4);
}

function onlyByte(name: string, data: Uint8Array): number {
  if (data.length === 1) return data[0];
  throw new RemoteProtocolError(`Cannot parse the ${name}: it has ${data.length} bytes, not 1`);
}
