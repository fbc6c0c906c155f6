/**
 * The time of day, against what the endpoint says. Certificates are judged by it; the voice
 * protocol itself needs none.
 *
 * @module
 */

import { type Finding, notChecked } from "./finding.ts";
import { readHttp } from "./http.ts";
import type { Target } from "./target.ts";

/** Seconds of difference from which on there is something to tell; `Date` is exact to one. */
const TOLERANCE = 30;

/**
 * Compares this machine's clock with the `Date` header of the endpoint.
 *
 * @param target Whom to ask.
 * @param signal Ends the attempt.
 */
export async function checkWallClock(target: Target, signal: AbortSignal): Promise<Finding> {
  const answer = await readHttp(target, signal);
  if (answer === undefined) return notChecked("the endpoint gives no HTTP answer");
  const time = Date.parse(answer.date ?? "");
  if (Number.isNaN(time)) return notChecked("the endpoint tells no date");
  const seconds = Math.floor(Date.now() / 1000) - time / 1000;
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? "behind" : "ahead of"} the endpoint`;
  if (Math.abs(seconds) <= TOLERANCE) return { status: "ok", detail };
  return {
    status: "warning",
    detail,
    advice: "Set this machine's clock, or let NTP do it: certificates are judged by it",
  };
}
