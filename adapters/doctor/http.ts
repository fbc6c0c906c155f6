/**
 * What the endpoint answers to a plain HTTP request: a voice server refuses it, a proxy or a
 * web server does not, and either may tell the time.
 *
 * @module
 */

import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

import type { Target } from "./target.ts";

/** The head of an answer. */
export interface HttpAnswer {
  /** Status code. */
  readonly status: number;
  /** The `Date` header, where there is one. */
  readonly date: string | undefined;
}

/**
 * Asks for `/`.
 *
 * @param target Whom to ask.
 * @param signal Ends the attempt.
 * @returns The head of the answer, or `undefined` where none came.
 */
export function readHttp(
  { host, port, secure }: Target,
  signal: AbortSignal,
): Promise<HttpAnswer | undefined> {
  return new Promise((resolve) => {
    const request = (secure ? requestHttps : requestHttp)({
      host,
      port,
      agent: false,
      headers: { connection: "close" },
    });
    const finish = (answer?: HttpAnswer): void => {
      signal.removeEventListener("abort", abort);
      request.destroy();
      resolve(answer);
    };
    const abort = (): void => finish();
    signal.addEventListener("abort", abort, { once: true });
    request.on("error", abort);
    request.on("response", ({ statusCode = 0, headers }) => {
      finish({ status: statusCode, date: headers.date });
    });
    request.end();
    if (signal.aborted) abort();
  });
}
