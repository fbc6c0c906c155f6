/**
 * Rows that tell a story: their common words. The expectations of stories are written by hand, after
 * sections 1.4 and 2.7 of the protocol's facts sheet.
 *
 * @module
 */

import type { Fault, FaultRule, GatewayFaultPoint } from "../../lib/testing/faults.ts";
import { ends } from "./oracle.ts";
import { OTHER_CHANNEL } from "./cast.ts";
import type { Expectation, FaultRow, Step } from "./row.ts";

/** A row that does not say yet under which heading it stands. */
export type Story = Omit<FaultRow, "group">;

/** A moderator moves the bot. */
export const MOVE: Step = { at: 0, do: "move", channelId: OTHER_CHANNEL };
/** The network cuts the bot off. */
export const CUT: Step = { at: 0, do: "cut" };
/**
 * Op 4 is sent again after a third of the time for the two updates; where the voice state has
 * come, a voice server may be late, and the bot leaves and enters after two thirds.
 */
export const AGAIN = 5000;
/** The time for the two updates. */
export const UPDATES = 15_000;
/** After that all five op 4 are to be had again. */
export const MINUTE = 61_000;
/** Ready, and no op 4 but the first one. */
export const READY: Expectation = ends("ready", 1);

/** Puts stories under a heading. */
export function told(group: string, stories: readonly Story[]): FaultRow[] {
  return stories.map((story) => ({ group, ...story }));
}

/** Faults that are set before what happens then. */
export function before(...faults: FaultRule[]): Step {
  return { at: 0, do: "setFaults", faults };
}

/** A fault on VOICE_SERVER_UPDATE. */
export function renewed(fault: Fault): FaultRule {
  return { on: "VOICE_SERVER_UPDATE", fault };
}

/**
 * A fault of the main gateway while the bot joins, once and always.
 *
 * @param on Where.
 * @param trouble The fault, in words.
 * @param fault The fault.
 * @param ends How it has to end, once and always.
 * @param real Whether these rows run on real sockets too.
 */
export function dispatch(
  on: GatewayFaultPoint,
  trouble: string,
  fault: Fault,
  ends: readonly [once: Expectation, always: Expectation],
  real: readonly ("once" | "always")[] = [],
): Story[] {
  const [once, always] = ends;
  const at = (often: "once" | "always") => ({
    name: `${on} ${trouble}, ${often}`,
    real: real.includes(often),
  });
  return [
    { ...at("once"), faults: [{ on, fault, times: 1 }], ...once },
    { ...at("always"), faults: [{ on, fault }], ...always },
  ];
}
