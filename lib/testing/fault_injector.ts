/**
 * Commits the faults of one machine: knows the rules and how often each may still act,
 * spoils what is sent, and holds what is late until it is due.
 *
 * @module
 */

import { isRecord } from "../fields.ts";
import {
  demandFaultRule,
  type Fault,
  faultName,
  type FaultPoint,
  type FaultRule,
  rulePlaces,
} from "./faults.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Most things that are late at a time; further ones come at once. */
export const LATE_LIMIT = 4096;

/** How one kind of content is spoilt. */
export interface Spoiler<T> {
  /** Makes it malformed. */
  malform(content: T): T;
  /** Gives its fields other values. */
  alter(content: T, fields: Readonly<Record<string, unknown>>): T;
}

interface Armed {
  readonly rule: FaultRule;
  readonly places: readonly string[];
  skip: number;
  times: number;
}

/** Commits faults. */
export class FaultInjector {
  readonly #report: (details: ServerEventDetails, subject: EventSubject) => void;
  readonly #late = new VirtualClock();
  #armed: Armed[] = [];

  /** @param report Is told of each fault. */
  constructor(report: (details: ServerEventDetails, subject: EventSubject) => void) {
    this.#report = report;
  }

  /** Whether there is no rule. */
  get idle(): boolean {
    return this.#armed.length === 0;
  }

  /**
   * Replaces all rules. What is late already stays so.
   *
   * @param rules The new ones; those for another machine never act.
   * @throws {RangeError} A rule is none; nothing has changed.
   */
  setRules(rules: readonly FaultRule[]): void {
    for (const rule of rules) demandFaultRule(rule);
    this.#armed = rules.map((rule) => {
      const { skip = 0, times = Infinity } = rule;
      return { rule, places: rulePlaces(rule), skip, times };
    });
  }

  /**
   * Something is about to happen: a rule may act, and is reported.
   *
   * @param place What.
   * @param subject Whom it concerns.
   * @returns What goes wrong, or `undefined` where nothing does.
   */
  meet(place: string, subject: EventSubject): Fault | undefined {
    const fault = this.#take(place, subject.userId);
    if (fault !== undefined) {
      const on = place as FaultPoint; // else no rule would name it
      this.#report({ type: "fault", on, fault: faultName(fault) }, subject);
    }
    return fault;
  }

  /**
   * Delivers what a fault leaves of a content.
   *
   * @param fault What goes wrong, if anything.
   * @param content What is to be sent.
   * @param spoiler How such content is spoilt.
   * @param now Monotonic milliseconds.
   * @param deliver Sends it, at once or later.
   */
  carry<T>(
    fault: Fault | undefined,
    content: T,
    spoiler: Spoiler<T>,
    now: number,
    deliver: (content: T) => void,
  ): void {
    if (fault === "lose") return;
    if (fault === "malform") return deliver(spoiler.malform(content));
    if (isRecord(fault) && "with" in fault) return deliver(spoiler.alter(content, fault.with));
    if (isRecord(fault) && "late" in fault) {
      return this.delay(now + fault.late, () => deliver(content));
    }
    deliver(content);
    if (fault === "double") deliver(content);
  }

  /**
   * Does something later.
   *
   * @param at Monotonic milliseconds.
   * @param run Does it.
   */
  delay(at: number, run: () => void): void {
    if (this.#late.size < LATE_LIMIT) this.#late.plan(at, run);
    else run();
  }

  /** When `expire` has something to do. */
  next(): number | undefined {
    return this.#late.size === 0 ? undefined : this.#late.next;
  }

  /** Does what is due. */
  expire(now: number): void {
    this.#late.advance(now);
  }

  #take(place: string, userId: string | undefined): Fault | undefined {
    for (const armed of this.#armed) {
      const { rule, places } = armed;
      const concerned = rule.userId === undefined || rule.userId === userId;
      if (armed.times === 0 || !concerned || !places.includes(place)) continue;
      if (armed.skip > 0) {
        armed.skip--;
        continue;
      }
      armed.times--;
      return rule.fault;
    }
    return undefined;
  }
}

/** Spoils frames of a WebSocket. The payload of a bare message is the message itself. */
export const FRAME_SPOILER: Spoiler<string | Uint8Array> = {
  malform: (frame) => frame.slice(0, frame.length >> 1),
  alter(frame, fields) {
    if (typeof frame !== "string") return frame;
    const message = JSON.parse(frame);
    const { d } = message;
    if (d === undefined) return JSON.stringify({ ...message, ...fields });
    return JSON.stringify({ ...message, d: isRecord(d) ? { ...d, ...fields } : fields });
  },
};

/** Spoils datagrams. */
export const DATAGRAM_SPOILER: Spoiler<Uint8Array> = {
  malform: (datagram) => datagram.slice(0, datagram.length >> 1),
  alter: (datagram) => datagram,
};

/** Spoils payloads of the main gateway; whom they are about stays. */
export function dispatchSpoiler<T extends object>(): Spoiler<T> {
  return {
    malform(data) {
      const fields = Object.entries(data).map(([name, value]) =>
        name === "guild_id" || name === "user_id" ? [name, value] : [name, 0]
      );
      return Object.fromEntries(fields) as T;
    },
    alter: (data, fields) => ({ ...data, ...fields }),
  };
}
