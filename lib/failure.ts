/**
 * The ways in which a connection can end without being asked to, in words: what
 * happened, and what the person who runs the bot should look at.
 *
 * @module
 */

import { closeCode } from "./close_codes.ts";
import type { VoiceConnectErrorCode } from "./errors.ts";

/** What happened, for programs and for people. */
export interface Failure {
  /** For programs. */
  readonly code: VoiceConnectErrorCode;
  /** What happened. */
  readonly message: string;
  /** What to look at. */
  readonly hint: string;
}

/** Failures that need no further data. */
export const FAILURES: {
  readonly [F in "noVoiceState" | "noVoiceServer" | "noNewServer" | "kicked" | "noAnswer"]: Failure;
} = {
  noVoiceState: {
    code: "timeout",
    message: "no voice state came from the main gateway",
    hint:
      "Look at the GuildVoiceStates intent, the channel's user limit and the Connect permission",
  },
  noVoiceServer: {
    code: "timeout",
    message: "a voice state came from the main gateway, but no voice server",
    hint: "Leave the channel and join again; Discord names no server for a channel one is in",
  },
  noNewServer: {
    code: "disconnected",
    message: "the voice server went away and no new one was named",
    hint: "The bot was disconnected, or the channel is gone",
  },
  kicked: {
    code: "disconnected",
    message: "the client was taken out of the channel",
    hint: "Somebody disconnected the bot, or the channel is gone",
  },
  noAnswer: {
    code: "timeout",
    message: "the voice server did not answer",
    hint: "Look at the network between the bot and the voice server",
  },
};

/**
 * No encryption mode is shared.
 *
 * @param message Both lists, or the mode that the server selected.
 * @returns The failure.
 */
export function noSharedMode(message: string): Failure {
  return {
    code: "no-shared-mode",
    message,
    hint: "Take one of the offered modes with `modes`; Discord offers the two AEAD modes",
  };
}

/**
 * Datagrams do not come through.
 *
 * @param message What was tried.
 * @returns The failure.
 */
export function udpUnreachable(message: string): Failure {
  return {
    code: "udp-unreachable",
    message,
    hint: "UDP to the voice server is blocked; the WebSocket works. Look at firewall and NAT",
  };
}

/**
 * The voice server has closed, and it is of no use to try again.
 *
 * @param code Close code of the WebSocket.
 * @param reason What the server or the runtime said besides; may be empty.
 * @returns The failure.
 */
export function closedWith(code: number, reason: string): Failure {
  const { meaning, hint } = closeCode(code);
  const said = reason === "" ? meaning : `${meaning}: ${reason.slice(0, 200)}`;
  return {
    code: "closed",
    message: `the voice server closed with ${code} (${said})`,
    hint,
  };
}
