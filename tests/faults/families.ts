/**
 * Rows that are made by rule: close codes by phase, messages by fault.
 *
 * @module
 */

import type { State } from "../../lib/state.ts";
import type { Fault, FaultPoint, FaultRule } from "../../lib/testing/faults.ts";
import { closedAt, DOCUMENTED, ends, type Often, silentAt, type Stage } from "./oracle.ts";
import type { Expectation, FaultRow, Step } from "./row.ts";

const OFTEN: readonly Often[] = ["once", "always"];

/** The beginning of a recovery: the bot was ready and is cut off. */
const CUT: readonly Step[] = [{ at: 0, do: "cut" }];

/** Where a WebSocket can be ended, and how far the connection is there. */
const PHASES: readonly (readonly [FaultPoint, Stage])[] = [
  ["open", "handshake"],
  ["identify", "handshake"],
  ["Ready", "handshake"],
  ["discovery", "handshake"],
  ["select", "handshake"],
  ["SessionDescription", "handshake"],
  ["connected", "established"],
  ["heartbeat", "established"],
  ["resume", "resuming"],
  ["Resumed", "resuming"],
];

/** 3000 stands for the network's codes, 4007 and 4999 for those that nobody has documented. */
const CODES: readonly number[] = [...DOCUMENTED, 3000, 4007, 4999].sort((a, b) => a - b);

/** Codes that come in all phases again and again, one of each kind. */
const LASTING: readonly number[] = [3000, 4006, 4014, 4015, 4017];

/** Rows that run on real sockets too. */
const REAL_CLOSES: readonly string[] = [
  "4004 at identify, once",
  "4006 at identify, once",
  "4006 at identify, always",
  "4011 at identify, once",
  "4014 at identify, once",
  "4015 at identify, once",
  "3000 at identify, once",
  "4009 at Ready, once",
  "4016 at select, once",
  "1000 at connected, once",
  "4000 at connected, once",
  "4006 at connected, once",
  "4009 at connected, once",
  "4014 at connected, once",
  "4015 at connected, once",
  "4017 at connected, once",
  "4021 at connected, once",
  "4022 at connected, once",
  "4006 at resume, once",
  "4015 at resume, once",
];

/** Each close code at each phase. */
export function closeRows(): FaultRow[] {
  return CODES.flatMap((code) =>
    PHASES.flatMap(([on, stage]) => {
      const wanted = LASTING.includes(code) ? OFTEN : OFTEN.slice(0, 1);
      return wanted.map((often) => {
        const name = `${code} at ${on}, ${often}`;
        return {
          group: "Close codes",
          name,
          ...struck(on, { close: code }, often, stage),
          ...closedAt(code, stage, often),
          real: REAL_CLOSES.includes(name),
        };
      });
    })
  );
}

/** A fault somewhere; what concerns a resume needs one. */
function struck(on: FaultPoint, fault: Fault, often: Often, stage?: Stage) {
  const faults: readonly FaultRule[] = [
    often === "once" ? { on, fault, times: 1 } : { on, fault },
  ];
  return stage === "resuming" ? { faults, then: CUT } : { faults };
}

const NETWORK_CODES: readonly number[] = [1001, 1005, 1006, 1011, 1012];
const STATES: readonly (readonly [State, Stage])[] = [
  ["connecting", "unsent"],
  ["identifying", "handshake"],
  ["discovering", "handshake"],
  ["selecting", "handshake"],
  ["connected", "established"],
  ["reconnecting", "resuming"],
  ["resuming", "resuming"],
];

/** Codes of the network, which runtimes make up and no server sends. */
export function networkRows(): FaultRow[] {
  return NETWORK_CODES.flatMap((code) =>
    STATES.flatMap(([state, stage]) => {
      const wanted = code === 1006 ? OFTEN : OFTEN.slice(0, 1);
      return wanted.map((often) => ({
        group: "Codes of the network",
        name: `${code} while ${state}, ${often}`,
        hang: often === "once" ? { state, code, times: 1 } : { state, code },
        ...stage === "resuming" ? { then: CUT } : {},
        ...closedAt(code, stage, often),
      }));
    })
  );
}

type Trouble = readonly [name: string, fault: Fault];

const LOST: readonly Trouble[] = [["lost", "lose"], ["malformed", "malform"]];
const HARMLESS: readonly Trouble[] = [["doubled", "double"], ["2 s late", { late: 2000 }]];
const TOO_LATE: Trouble = ["12 s late", { late: 12_000 }];
const BROKEN: Trouble = ["cut", "cut"];

const REAL_MESSAGES: readonly string[] = [
  "Hello lost, once",
  "Ready lost, once",
  "Ready lost, always",
  "Ready malformed, once",
  "Ready 2 s late, once",
  "Ready doubled, once",
  "SessionDescription lost, once",
  "SessionDescription doubled, once",
  "Resumed lost, once",
  "HeartbeatAck lost, once",
  "IpDiscovery lost, once",
  "IpDiscovery lost, always",
  "IpDiscovery malformed, once",
  "IpDiscovery doubled, once",
  "open lost, once",
  "identify cut, once",
  "select cut, once",
  "resume cut, once",
  "select lost, once",
];

type Rule = (often: Often) => Expectation;

function rows(
  on: FaultPoint,
  troubles: readonly Trouble[],
  expectation: Rule,
  stage?: Stage,
  more: Partial<FaultRow> = {},
): FaultRow[] {
  return troubles.flatMap(([trouble, fault]) =>
    OFTEN.map((often) => {
      const name = `${on} ${trouble}, ${often}`;
      return {
        group: "Messages and datagrams of the voice server",
        name,
        ...struck(on, fault, often, stage),
        ...expectation(often),
        ...more,
        real: REAL_MESSAGES.includes(name),
      };
    })
  );
}

const FINE: Rule = () => ends("ready", 1);
const DELAYED: Rule = () => ends("ready", 1, 2000, 1000);

/** Messages without which there is no handshake. */
function handshakeRows(): FaultRow[] {
  const silent: Rule = (often) => silentAt("handshake", often);
  const needed = ["Ready", "SessionDescription"] as const;
  return [
    ...needed.flatMap((on) => [
      ...rows(on, [...LOST, TOO_LATE], silent),
      ...rows(on, [HARMLESS[0]], FINE),
      ...rows(on, [HARMLESS[1]], DELAYED),
    ]),
    ...["open", "identify", "select"].flatMap((on) => rows(on as FaultPoint, [LOST[0]], silent)),
    ...["open", "identify", "discovery", "select", "Hello", ...needed].flatMap((on) =>
      rows(on as FaultPoint, [BROKEN], (often) => closedAt(1006, "handshake", often))
    ),
  ];
}

/** What is lost of a resume. */
function resumeRows(): FaultRow[] {
  const silent: Rule = (often) => silentAt("resuming", often);
  return [
    ...rows("Resumed", [...LOST, TOO_LATE], silent, "resuming"),
    ...rows("Resumed", [HARMLESS[0]], FINE, "resuming"),
    ...rows("Resumed", [HARMLESS[1]], DELAYED, "resuming"),
    ...rows("resume", [LOST[0]], silent, "resuming"),
    ...(["resume", "Resumed"] as const).flatMap((on) =>
      rows(on, [BROKEN], (often) => closedAt(1006, "resuming", often), "resuming")
    ),
  ];
}

/** Milliseconds between heartbeats. */
const HEARTBEAT = 13_750;

/** Without Hello the interval is Discord's usual one; without answers the bot gives up. */
function heartbeatRows(): FaultRow[] {
  const unanswered: Rule = (often) =>
    often === "once"
      ? ends("ready", 1)
      : ends("timeout", [5, 6], 15 * 2 * HEARTBEAT, 3 * 7000 + 12_000);
  return [
    ...rows("Hello", [...LOST, ...HARMLESS, TOO_LATE], FINE),
    ...rows("HeartbeatAck", LOST, unanswered),
    ...rows("HeartbeatAck", [...HARMLESS, TOO_LATE], FINE),
    ...rows("HeartbeatAck", [["30 s late", { late: 30_000 }]], unanswered),
    ...rows("heartbeat", [LOST[0]], unanswered),
    ...(["heartbeat", "connected", "HeartbeatAck"] as const).flatMap((on) =>
      rows(on, [BROKEN], (often) => closedAt(1006, "established", often))
    ),
  ];
}

/** Messages about others: whatever becomes of them, the connection stands. */
function otherRows(): FaultRow[] {
  const all = [...LOST, ...HARMLESS, TOO_LATE];
  const guest: readonly Step[] = [
    { at: 0, do: "guestJoins" },
    { at: 1000, do: "guestLeaves" },
  ];
  const once = (on: FaultPoint, stage: Stage, more = {}) =>
    rows(on, [BROKEN], (often) => closedAt(1006, stage, often), undefined, more)
      .filter(({ name }) => name.endsWith("once"));
  const introductions = ["Speaking", "ClientsConnect", "ClientFlags", "ClientPlatform"] as const;
  return [
    ...[...introductions, "MediaSinkWants" as const].flatMap((on) => rows(on, all, FINE)),
    ...rows("ClientDisconnect", all, FINE, undefined, { then: guest }),
    ...introductions.flatMap((on) => once(on, "handshake")),
    ...once("MediaSinkWants", "established"),
    ...once("ClientDisconnect", "established", { then: guest }),
  ];
}

/** Five discovery requests wait 200, 400, 800, 1600 and 3200 ms. */
const DISCOVERY = 6200;

function datagramRows(): FaultRow[] {
  const blocked: Rule = (often) =>
    often === "once" ? ends("ready", 1, 0, 1000) : ends("udp-unreachable", 2, DISCOVERY, 1000);
  const answered: Rule = () => ends("ready", 1, 2000, 1000);
  const late: Trouble = ["500 ms late", { late: 500 }];
  const deaf = { hears: "none" } as const;
  return [
    ...rows("IpDiscovery", [...LOST, TOO_LATE], blocked),
    ...rows("discovery", [LOST[0]], blocked),
    ...rows("IpDiscovery", [HARMLESS[0]], FINE),
    ...rows("IpDiscovery", [HARMLESS[1]], answered),
    ...rows("Keepalive", [...LOST, ...HARMLESS, TOO_LATE], FINE),
    ...rows("Rtp", LOST, FINE).map((row) =>
      row.name.endsWith("always") ? { ...row, ...deaf } : { ...row, hears: "some" as const }
    ),
    ...rows("Rtp", [HARMLESS[0], late], FINE).map((row) => ({ ...row, hears: "some" as const })),
  ];
}

/** Each message lost, doubled, late, malformed; and the connection cut at it. */
export function messageRows(): FaultRow[] {
  return [
    ...handshakeRows(),
    ...resumeRows(),
    ...heartbeatRows(),
    ...otherRows(),
    ...datagramRows(),
  ];
}
