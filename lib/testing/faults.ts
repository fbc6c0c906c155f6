/**
 * Faults that the voice server and the gateway stub commit where they are told to: a list
 * of rules, each of which says where (`on`), what (`fault`) and how often (`times`).
 *
 * What the client does has a lower-case name, and a fault there comes in place of all that
 * the server would have done. What the server says has the name that Discord gives it, and
 * a fault there concerns this message alone: the server behaves as if it had been sent.
 *
 * @example A Ready that is lost once, and after it a connection that is closed
 * ```ts
 * import { Simulation } from "@sotto/voice/testing/core";
 *
 * const simulation = new Simulation({
 *   faults: [
 *     { on: "Ready", fault: "lose", times: 1 },
 *     { on: "connected", fault: { close: 4015 }, times: 1 },
 *     { on: "VOICE_STATE_UPDATE", fault: { late: 500 } },
 *   ],
 * });
 * ```
 *
 * @module
 */

import { isRecord } from "../fields.ts";
import { demandChoice } from "../options.ts";

/**
 * What a client of the voice server does: opens a WebSocket, sends Identify, Resume, an IP
 * discovery request, Select Protocol, Heartbeat. `connected` is the moment after Session
 * Description or Resumed has been sent.
 */
export const STEP_POINTS = [
  "open",
  "identify",
  "resume",
  "discovery",
  "select",
  "heartbeat",
  "connected",
] as const;

/** Messages of the voice server. */
export const MESSAGE_POINTS = [
  "Hello",
  "Ready",
  "SessionDescription",
  "HeartbeatAck",
  "Resumed",
  "Speaking",
  "ClientsConnect",
  "ClientDisconnect",
  "ClientFlags",
  "ClientPlatform",
  "MediaSinkWants",
] as const;

/** Messages of the voice server about end-to-end encryption, those in text frames. */
export const DAVE_TEXT_POINTS = [
  "DavePrepareTransition",
  "DaveExecuteTransition",
  "DavePrepareEpoch",
] as const;

/** Messages of the voice server about end-to-end encryption, those in binary frames. */
export const DAVE_BINARY_POINTS = [
  "DaveMlsExternalSender",
  "DaveMlsProposals",
  "DaveMlsAnnounceCommitTransition",
  "DaveMlsWelcome",
] as const;

/** Datagrams of the voice server; where all three are lost, UDP is gone. */
export const DATAGRAM_POINTS = ["IpDiscovery", "Keepalive", "Rtp"] as const;

/** Op 4 of a client of the main gateway, and the two dispatches about voice. */
export const GATEWAY_POINTS = ["op4", "VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"] as const;

/** Where the voice server can commit a fault. */
export type VoiceFaultPoint =
  | typeof STEP_POINTS[number]
  | typeof MESSAGE_POINTS[number]
  | typeof DAVE_TEXT_POINTS[number]
  | typeof DAVE_BINARY_POINTS[number]
  | typeof DATAGRAM_POINTS[number];

/** Where the gateway stub can commit a fault. */
export type GatewayFaultPoint = typeof GATEWAY_POINTS[number];

/** Where a fault can be committed. */
export type FaultPoint = VoiceFaultPoint | GatewayFaultPoint;

/** What goes wrong. */
export type Fault =
  /** Nothing is sent; at a step: nothing is done, as if the server had not heard of it. */
  | "lose"
  /** It comes twice. */
  | "double"
  /** Half of the frame or datagram; of a dispatch all values but the ids are 0. */
  | "malform"
  /** The TCP connection breaks without a close frame. */
  | "cut"
  /** `resume` only: the answer is Ready, with another SSRC. */
  | "renew"
  /** It comes so many milliseconds later; 0: after all else that is sent at this moment. */
  | { readonly late: number }
  /** The WebSocket is closed with this code (1000, or 3000 to 4999). */
  | { readonly close: number }
  /** These fields of the payload have these values; `undefined` leaves a field out. */
  | { readonly with: Readonly<Record<string, unknown>> }
  /** `VOICE_SERVER_UPDATE` only: `endpoint` is null, and so many milliseconds later it is not. */
  | { readonly nullFirst: number };

/** A fault that ends the WebSocket. */
export type FaultEnd = "cut" | { readonly close: number };

/** The name of a fault. */
export type FaultName =
  | "lose"
  | "double"
  | "malform"
  | "cut"
  | "renew"
  | "late"
  | "close"
  | "with"
  | "nullFirst";

/** One rule. Of several that fit, the first one acts, and the others do not see what it took. */
export interface FaultRule {
  /** Where; of several places any. */
  readonly on: FaultPoint | readonly FaultPoint[];
  /** What. */
  readonly fault: Fault;
  /** How often it acts; always by default. */
  readonly times?: number;
  /** How often it first lets pass what it could take; 0 by default. */
  readonly skip?: number;
  /**
   * Whom it concerns: the voice server's client, or whose op 4 and voice state it is. Anybody by
   * default. Who opens a WebSocket and gets Hello is not known yet, and no such rule fits.
   */
  readonly userId?: string;
}

const WORDS: readonly FaultName[] = ["lose", "double", "malform", "cut", "renew"];
const FIELDS: readonly FaultName[] = ["late", "close", "with", "nullFirst"];

const POINTS: readonly FaultPoint[] = [
  ...STEP_POINTS,
  ...MESSAGE_POINTS,
  ...DAVE_TEXT_POINTS,
  ...DAVE_BINARY_POINTS,
  ...DATAGRAM_POINTS,
  ...GATEWAY_POINTS,
];

/**
 * Names a fault.
 *
 * @param fault The fault.
 * @returns The word, or the name of the field.
 */
export function faultName(fault: Fault): FaultName {
  return (isRecord(fault) ? Object.keys(fault)[0] : fault) as FaultName;
}

/**
 * Whether a fault ends the WebSocket.
 *
 * @param fault The fault, if there is one.
 */
export function endsWebSocket(fault: Fault | undefined): fault is FaultEnd {
  return fault === "cut" || isRecord(fault) && "close" in fault;
}

/**
 * Whether a fault puts `endpoint` null first.
 *
 * @param fault The fault, if there is one.
 */
export function putsNullFirst(fault: Fault | undefined): fault is { readonly nullFirst: number } {
  return isRecord(fault) && "nullFirst" in fault;
}

/**
 * The places that a rule names.
 *
 * @param rule The rule.
 */
export function rulePlaces({ on }: FaultRule): readonly FaultPoint[] {
  return typeof on === "string" ? [on] : on;
}

/**
 * Demands that a rule is one.
 *
 * @param rule What a caller wants.
 * @throws {RangeError} It is none; the message names the choices.
 */
export function demandFaultRule(rule: FaultRule): void {
  const { fault, times = 1, skip = 0 } = rule;
  const places = rulePlaces(rule);
  if (places.length === 0) throw new RangeError('Cannot set a fault: "on" is empty');
  const name = faultName(fault);
  demandChoice<FaultName>("fault", name, isRecord(fault) ? FIELDS : WORDS);
  for (const place of places) {
    demandChoice("fault point", place, POINTS);
    demandChoice(`fault on ${place}:`, name, faultsAt(place));
  }
  demandInteger("times", times, 1);
  demandInteger("skip", skip, 0);
  if (typeof fault !== "string") demandValue(fault);
}

function demandValue(fault: Exclude<Fault, string>): void {
  if (Object.keys(fault).length > 1) {
    throw new RangeError(`Cannot use fault ${Object.keys(fault).join(" and ")}: one at a time`);
  }
  if ("late" in fault) demandInteger("late", fault.late, 0);
  else if ("nullFirst" in fault) demandInteger("nullFirst", fault.nullFirst, 0);
  else if ("close" in fault) demandCloseCode(fault.close);
  else if (!isRecord(fault.with)) throw new RangeError("Cannot use fault with: it is no object");
}

/** Which faults a place knows. */
function faultsAt(point: FaultPoint): readonly FaultName[] {
  const includes = (points: readonly string[]) => points.includes(point);
  if (point === "resume") return ["lose", "close", "cut", "renew"];
  if (point === "connected") return ["close", "cut"];
  if (includes(STEP_POINTS)) return ["lose", "close", "cut"];
  if (includes(DAVE_BINARY_POINTS)) return ["lose", "double", "malform", "late", "close", "cut"];
  if (includes(MESSAGE_POINTS) || includes(DAVE_TEXT_POINTS)) {
    return ["lose", "double", "malform", "late", "with", "close", "cut"];
  }
  if (includes(DATAGRAM_POINTS)) return ["lose", "double", "malform", "late"];
  if (point === "op4") return ["lose", "double", "late"];
  if (point === "VOICE_STATE_UPDATE") return ["lose", "double", "malform", "late", "with"];
  return ["lose", "double", "malform", "late", "with", "nullFirst"];
}

/**
 * Demands that a number is an integer, and large enough.
 *
 * @param name Name of the number.
 * @param value What it is.
 * @param least The least that it may be.
 * @throws {RangeError} It is not.
 */
export function demandInteger(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`Cannot use ${name} ${value}: it must be an integer of at least ${least}`);
}

/**
 * Demands a close code that every runtime's server can send.
 *
 * @param code The code.
 * @throws {RangeError} It is none.
 */
export function demandCloseCode(code: number): void {
  if (code === 1000 || Number.isInteger(code) && code >= 3000 && code <= 4999) return;
  throw new RangeError(
    `Cannot close a client with code ${code}: it must be 1000 or 3000 to 4999`,
  );
}
