/**
 * The voice WebSocket, as far as it goes without a login: it opens, and the server says Hello.
 *
 * @module
 */

import { decodeMessage } from "../../lib/messages.ts";
import { readReceivePayload } from "../../lib/payload_readers.ts";
import type { HelloPayload } from "../../lib/payloads.ts";
import type { Transport } from "../transport.ts";
import type { Finding } from "./finding.ts";
import { readHttp } from "./http.ts";
import type { Target } from "./target.ts";

/** The events of a WebSocket until it can be judged. */
type Outcome =
  | { readonly type: "hello"; readonly hello: HelloPayload }
  | { readonly type: "other" }
  | { readonly type: "closed"; readonly code: number; readonly reason: string }
  | { readonly type: "silent" };

/**
 * Opens the WebSocket, waits for Hello and closes.
 *
 * @param transport Whose WebSocket is used.
 * @param target Where to.
 * @param signal Ends the attempt.
 */
export async function checkWebSocket(
  transport: Transport,
  target: Target,
  signal: AbortSignal,
): Promise<Finding> {
  let opened = false;
  const outcome = await listen(transport, target.websocketUrl, signal, () => opened = true);
  switch (outcome.type) {
    case "hello":
      return greeted(outcome.hello);
    case "other":
      return {
        status: "failed",
        detail: "opens, but the first message is no Hello",
        advice: "What answers is no voice server: look at the host and the port",
      };
    case "closed":
      return opened ? closed(outcome.code) : await refused(target, outcome.reason, signal);
    case "silent":
      return silent(opened);
  }
}

function listen(
  transport: Transport,
  url: string,
  signal: AbortSignal,
  opened: () => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const finish = (outcome: Outcome): void => {
      signal.removeEventListener("abort", abort);
      connection.close(1000);
      resolve(outcome);
    };
    const abort = (): void => finish({ type: "silent" });
    const connection = transport.openWebSocket(url, {
      open: opened,
      message(data) {
        const hello = readHello(data);
        finish(hello === undefined ? { type: "other" } : { type: "hello", hello });
      },
      close: (code, reason) => finish({ type: "closed", code, reason }),
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

/** Hello is the message with an interval and without an SSRC: Ready of old servers has both. */
function readHello(data: string | Uint8Array): HelloPayload | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const d = readReceivePayload(decodeMessage(data))?.d;
    if (typeof d !== "object" || d === null || "ssrc" in d) return undefined;
    return "heartbeat_interval" in d ? d as HelloPayload : undefined;
  } catch {
    return undefined;
  }
}

function greeted({ v, heartbeat_interval }: HelloPayload): Finding {
  const version = v === undefined ? "no version named" : `version ${v}`;
  return { status: "ok", detail: `Hello: ${version}, a heartbeat every ${heartbeat_interval} ms` };
}

function closed(code: number): Finding {
  return {
    status: "failed",
    detail: `opens, and is closed with ${code} before Hello`,
    advice: "Look for a proxy that cuts WebSockets; where there is none, try again later",
  };
}

function silent(opened: boolean): Finding {
  const advice = "Look for a proxy or a firewall that takes connections and swallows WebSockets";
  const detail = opened
    ? "opens, but no Hello comes"
    : "connects, but the opening handshake is never answered";
  return { status: "failed", detail, advice };
}

async function refused(target: Target, reason: string, signal: AbortSignal): Promise<Finding> {
  const answer = await readHttp(target, signal);
  const said = reason === "" ? "" : ` (${reason.slice(0, 200)})`;
  if (answer === undefined) {
    return {
      status: "failed",
      detail: `the opening handshake fails${said}`,
      advice: "What answers is no WebSocket server: look at the host and the port",
    };
  }
  return {
    status: "failed",
    detail: `does not open: plain HTTP is answered with ${answer.status}${said}`,
    advice: "A web server or a proxy answers in place of a voice server: look at the host and " +
      "the port, and let WebSockets through the proxy",
  };
}
