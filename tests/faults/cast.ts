/**
 * Who takes part: the bot, the friend who hears it and is heard, and what they say.
 *
 * @module
 */

import type { FaultRule } from "../../lib/testing/faults.ts";

/** User id of the bot that the faults are about. */
export const BOT = "100000000000000001";
/** User id of the bot that hears and is heard. */
export const FRIEND = "100000000000000002";
/** User id of one who comes and goes. */
export const GUEST = "100000000000000003";
/** The guild. */
export const GUILD = "41771983423143937";
/** The channel in which all begins. */
export const CHANNEL = "127121515262115840";
/** Another channel. */
export const OTHER_CHANNEL = "127121515262115841";

/** Makes rules concern the bot alone, where the server can know whom they concern. */
export function aimed(faults: readonly FaultRule[]): FaultRule[] {
  return faults.map((rule) =>
    rule.on === "open" || rule.on === "Hello" ? rule : { userId: BOT, ...rule }
  );
}

/** Opus packets of 20 ms, distinct for each speaker and number. */
export function opusOf(speaker: number, index: number): Uint8Array {
  return new Uint8Array(40).fill(0x30 + index, 3).with(0, 0xfc).with(1, speaker).with(2, index);
}

/** How many packets each says at the end. */
export const PROBE_COUNT = 5;

/**
 * Compares what was heard at the end with what was said.
 *
 * @param hears What is wanted.
 * @param speaker Number of the speaker in `opusOf`.
 * @param heard What was heard.
 * @returns Whether it is so.
 */
export function isHeard(
  hears: "all" | "some" | "none",
  speaker: number,
  heard: readonly Uint8Array[],
): boolean {
  const said = Array.from({ length: PROBE_COUNT }, (_, index) => String(opusOf(speaker, index)));
  const texts = heard.map(String);
  if (hears === "none") return texts.length === 0;
  if (hears === "all") return texts.join() === said.join();
  return texts.length > 0 && texts.every((text) => said.includes(text));
}
