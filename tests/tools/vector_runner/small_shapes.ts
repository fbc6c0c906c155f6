/**
 * Files of a few fields a case: the speaker extension, OpusHead, close codes.
 *
 * @module
 */

import { parseOpusHead } from "../../../lib/audio/ogg_opus.ts";
import { CLOSE_CODES, closeCode } from "../../../lib/close_codes.ts";
import {
  buildExtensions,
  buildSpeaker,
  parseExtensions,
  parseSpeaker,
} from "../../../lib/rtp/extension.ts";
import {
  expectEqual,
  fail,
  type Fields,
  fieldsOf,
  hexField,
  integerField,
  textField,
} from "./fields.ts";

/** Builds and parses the speaker extension. @throws {Error} The byte is another. */
export function checkSpeaker(vector: Fields): void {
  const speaking = integerField(vector, "speaking", 7);
  const byte = integerField(vector, "extension_byte", 255);
  const [element] = parseExtensions(buildExtensions([buildSpeaker(speaking)]));
  expectEqual("The extension", element.data, Uint8Array.of(byte));
  expectEqual("The flags", parseSpeaker(Uint8Array.of(byte)), speaking);
}

/** Parses an OpusHead. @throws {Error} It says something else. */
export function checkOpusHead(vector: Fields): void {
  const { channels, inputSampleRate, preSkip } = parseOpusHead(hexField(vector, "opus_head_hex"));
  expectEqual("The head", {
    channels,
    sample_rate: inputSampleRate,
    pre_skip: preSkip,
    passthrough_ok: channels === 2 && inputSampleRate === 48000,
  }, fieldsOf(vector.expect, '"expect"'));
}

/**
 * Looks a close code up: the table has it in the documents' words, does not reconnect where the
 * documents forbid it, and does with a session what the clients do where they all agree.
 *
 * @returns What the table does.
 * @throws {Error} The table says something else.
 */
export function checkCloseCode(vector: Fields): string {
  const code = integerField(vector, "code", 4999);
  const { action, meaning } = closeCode(code);
  if (code >= 4000 && !Object.hasOwn(CLOSE_CODES, code)) fail("The table has no such code");
  if ("documented" in vector) {
    expectEqual("The meaning", meaning, plainWords(textField(vector, "documented")));
  }
  if (vector.do_not_reconnect === true && action !== "wait" && action !== "stop") {
    fail(`The action is ${action}, but clients should not reconnect`);
  }
  const clients = Object.values(fieldsOf(vector.resume, '"resume"'));
  for (const resume of [true, false]) {
    if (clients.some((other) => other !== resume)) continue;
    expectEqual("Whether to resume, as all clients see it,", action === "resume", resume);
  }
  return action;
}

/** The documents' words as the table has them. */
function plainWords(documented: string): string {
  return documented.toLowerCase()
    .replace(/^disconnected: /, "")
    .replace(/^e2ee\/dave protocol\b/, "end-to-end encryption");
}
