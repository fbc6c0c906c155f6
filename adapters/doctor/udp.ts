/**
 * UDP out and back: a whole short voice session, up to the key. A voice server answers IP
 * discovery only for the SSRC of a session, and a session needs a token: the embedded server
 * takes any.
 *
 * @module
 */

import { VoiceConnectError } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { VoiceConnection } from "../connection.ts";
import type { Transport } from "../transport.ts";
import { type Finding, notChecked } from "./finding.ts";
import type { Target } from "./target.ts";

/** Name of the message in the events of a session. */
const DISCOVERY = "IP Discovery";

/** When IP discovery went out for the last time, and when the answer came. */
interface Trace {
  sent?: number;
  received?: number;
}

/**
 * Holds a session until its key has come, and leaves.
 *
 * @param transport Whose sockets are used.
 * @param target The voice server.
 * @param token The token to show.
 * @param signal Ends the attempt.
 */
export async function checkUdp(
  transport: Transport,
  target: Target,
  token: string,
  signal: AbortSignal,
): Promise<Finding> {
  if (!target.loopback) return notChecked("needs a voice session");
  const trace: Trace = {};
  try {
    await using connection = await VoiceConnection.join(transport, {
      guildId: "1",
      channelId: "2",
      userId: "3",
      server: { endpoint: target.endpoint, sessionId: "doctor", token },
      signal,
      onEvent: (event) => note(trace, event),
    });
    const time = trace.received === undefined || trace.sent === undefined
      ? ""
      : ` in ${(trace.received - trace.sent).toFixed(1)} ms`;
    return { status: "ok", detail: `IP discovery out and back${time}; mode ${connection.mode}` };
  } catch (error) {
    return judge(error, trace);
  }
}

function note(trace: Trace, event: SessionEvent): void {
  if (event.type !== "message" || event.channel !== "udp" || event.name !== DISCOVERY) return;
  trace[event.direction] = performance.now();
}

function judge(error: unknown, { sent, received }: Trace): Finding {
  if (sent !== undefined && received === undefined) {
    return {
      status: "failed",
      detail: "IP discovery goes out, and nothing comes back",
      advice: "UDP is blocked, the WebSocket works: let UDP out to ports 50000 to 65535 and its " +
        "answers in, at the firewall, the NAT and the container's network",
    };
  }
  if (!(error instanceof VoiceConnectError)) {
    return {
      status: "failed",
      detail: "the session did not come about in time",
      advice: "The server greets and then falls silent: look at the server",
    };
  }
  if (error.code === "closed" && error.closeCode !== undefined) {
    return notChecked(`the server refuses a session without a bot (${error.closeCode})`);
  }
  return { status: "failed", detail: error.message, advice: error.hint };
}
