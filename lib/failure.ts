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

const GONE = "Somebody disconnected the bot, or the channel is gone";

/** Failures that need no further data. */
export const FAILURES: {
  readonly [
    F in
      | "gatewayRefused"
      | "noUpdates"
      | "noVoiceState"
      | "noVoiceServer"
      | "noNewServer"
      | "tooManyServers"
      | "kicked"
      | "noAnswer"
  ]: Failure;
} = {
  gatewayRefused: {
    code: "gateway-refused",
    message: "the gateway library refuses to send op 4",
    hint: "Look at the main gateway: is the shard of this guild connected?",
  },
  noUpdates: {
    code: "timeout",
    message: "nothing came from the main gateway",
    hint: "Look at the channel's user limit and at the Connect permission",
  },
  noVoiceState: {
    code: "timeout",
    message: "a voice server came from the main gateway, but no voice state",
    hint: "The gateway library needs the intent GuildVoiceStates",
  },
  noVoiceServer: {
    code: "timeout",
    message: "a voice state came from the main gateway, but no voice server",
    hint: "Leave the channel and join again; Discord names no server for a channel one is in",
  },
  noNewServer: {
    code: "disconnected",
    message: "the voice server went away and no new one was named",
    hint: GONE,
  },
  tooManyServers: {
    code: "disconnected",
    message: "one voice server after another went away",
    hint: "Somebody moves the bot about",
  },
  kicked: {
    code: "disconnected",
    message: "the client was taken out of the channel",
    hint: GONE,
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
