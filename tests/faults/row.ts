/**
 * One row of the table of faults: what goes wrong, and how it has to end.
 *
 * @module
 */

import type { VoiceConnectErrorCode } from "../../lib/errors.ts";
import type { State } from "../../lib/state.ts";
import type { FaultRule } from "../../lib/testing/faults.ts";
import type { EncryptionMode } from "../../lib/packet.ts";

/** How a row may end. */
export type End = "ready" | VoiceConnectErrorCode;

/** What somebody does to the bot, the friend, or the servers. */
export type Deed =
  | { readonly do: "setFaults"; readonly faults: readonly FaultRule[] }
  | { readonly do: "close"; readonly code: number }
  | { readonly do: "cut" }
  | { readonly do: "move"; readonly channelId: string }
  | { readonly do: "kick" }
  | { readonly do: "reallocate" }
  | { readonly do: "limit"; readonly limit?: number }
  | {
    readonly do: "interrupt";
    readonly duration: number;
    readonly resumed: boolean;
    readonly refuses?: boolean;
  }
  | { readonly do: "closeShard" }
  | { readonly do: "friendMoves"; readonly channelId: string }
  /** Virtual clock only. */
  | { readonly do: "guestJoins" }
  /** Virtual clock only. */
  | { readonly do: "guestLeaves" };

/** A deed and its moment. */
export type Step = Deed & {
  /** Milliseconds after the join or after the first ready. */
  readonly at: number;
};

/** The bot's WebSocket is reported closed, with a code that no test server can send. */
export interface Hang {
  /** In which state of the bot. */
  readonly state: State;
  /** Close code. */
  readonly code: number;
  /** How often; always by default. */
  readonly times?: number;
}

/** How a row has to end. */
export interface Expectation {
  /** Ready again, or the code of the error. */
  readonly expects: End;
  /**
   * Milliseconds within which it has to end after its last step: of deadlines, which tests on real sockets scale, and
   * of backoff, which they cannot.
   */
  readonly within: { readonly deadlines: number; readonly backoff: number };
  /** Least and most op 4 that reach the main gateway. */
  readonly op4: readonly [least: number, most: number];
}

/** One row. */
export interface FaultRow extends Expectation {
  /** Heading under which it stands. */
  readonly group: string;
  /** What goes wrong; unique. */
  readonly name: string;
  /** Faults from the join on. */
  readonly faults?: readonly FaultRule[];
  /** What happens after the join. */
  readonly meanwhile?: readonly Step[];
  /** What happens after the bot was ready for the first time; the time counts from its first step. */
  readonly then?: readonly Step[];
  /** Virtual clock only. */
  readonly hang?: Hang;
  /** Options of the voice server. */
  readonly server?: {
    readonly modes?: readonly EncryptionMode[];
    readonly resumeWindow?: number;
  };
  /** The `endpoint` of VOICE_SERVER_UPDATE; virtual clock only. */
  readonly endpoint?: string;
  /** What bot and friend hear of each other at the end; `all` by default. */
  readonly hears?: "all" | "some" | "none";
  /** Whether it runs on real sockets too. */
  readonly real?: boolean;
}

/** The time that a row may take on the virtual clock after its last step. */
export function limitOf({ within: { deadlines, backoff } }: Expectation): number {
  return deadlines + backoff;
}

/** How a row did end. */
export interface Outcome {
  /** `ready`, the error's code, or `stuck in <state>`. */
  readonly end: string;
  /** Milliseconds from the join, or from the first step of `then`, until then. */
  readonly after: number;
  /** Milliseconds from the last step of `then` until then. */
  readonly afterLast: number;
  /** When op 4 reached the main gateway, in milliseconds. */
  readonly op4: readonly number[];
  /** Faults that were committed, as `Ready lose`. */
  readonly faults: readonly string[];
  /** What else is not as it should be. */
  readonly problems: readonly string[];
}
