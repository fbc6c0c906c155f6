/**
 * What an error of a TCP or TLS connection says, in the same words on every runtime.
 *
 * @module
 */

import type { Finding } from "./finding.ts";

type Fault = Omit<Finding, "status">;

const TCP_FAULTS: ReadonlyArray<readonly [pattern: RegExp, fault: Fault]> = [
  [/NotCapable|PermissionDenied|EACCES|EPERM/, {
    detail: "this program may not connect",
    advice: "Look at --allow-net (Deno), and at a firewall on this machine",
  }],
  [/TimeoutError|ETIMEDOUT|TimedOut/, {
    detail: "no answer: what is sent to this port is swallowed",
    advice: "Look at the firewall: TCP to this port must be let out. A proxy of the network is " +
      "not used for it. Where only IPv6 or only IPv4 works, look at the other one",
  }],
  [/ECONNREFUSED|ConnectionRefused|refused/i, {
    detail: "refused: nothing listens on this port",
    advice: "Look at the port: VOICE_SERVER_UPDATE names it in `endpoint`. A firewall that " +
      "rejects looks the same",
  }],
  [/ENOTFOUND|EAI_AGAIN|EAI_NODATA|lookup|resolve|DNS/i, {
    detail: "the host name is not found",
    advice: "Look at the spelling and at the DNS server of this machine or container",
  }],
  [/ENETUNREACH|EHOSTUNREACH|unreachable|no route/i, {
    detail: "there is no route to the host",
    advice: "Look at the network; where the address is IPv6, this machine may have IPv4 only",
  }],
  [/ECONNRESET|ConnectionReset|EPIPE|BrokenPipe|UnexpectedEof|\beof\b|disconnected before/i, {
    detail: "the connection was cut",
    advice: "Look at firewalls and proxies between: something ends the connection",
  }],
];

const TLS_FAULTS: ReadonlyArray<readonly [pattern: RegExp, advice: string]> = [
  [
    /expired|not yet valid|NotValidYet|NOT_YET_VALID/i,
    "The certificate is out of date here: look at this machine's clock first",
  ],
  [
    /NotValidForName|not valid for|ALTNAME/i,
    "The certificate is another host's: look at the host name, and for a proxy that answers " +
    "in its place",
  ],
  [
    /certificate|CERT|issuer/i,
    "The certificate authority is not trusted here: install the system's CA certificates, or, " +
    "behind a proxy that opens TLS, give its authority in DENO_CERT (Deno) or " +
    "NODE_EXTRA_CA_CERTS (Node, Bun)",
  ],
];

/**
 * Says what became of a TCP connection.
 *
 * @param error What the runtime has thrown.
 */
export function tcpFault(error: unknown): Finding {
  const text = textOf(error);
  const fault = TCP_FAULTS.find(([pattern]) => pattern.test(text))?.[1];
  return { status: "failed", detail: text, advice: "Look at the network", ...fault };
}

/**
 * Says what became of a TLS handshake on a TCP port that takes connections.
 *
 * @param error What the runtime has thrown.
 */
export function tlsFault(error: unknown): Finding {
  const text = textOf(error);
  const advice = TLS_FAULTS.find(([pattern]) => pattern.test(text))?.[1];
  if (advice !== undefined) return { status: "failed", detail: text, advice };
  if (!TCP_FAULTS.some(([pattern]) => pattern.test(text))) {
    return {
      status: "failed",
      detail: text,
      advice: "What answers is no TLS server: look at the port, and for a proxy in between",
    };
  }
  if (!/TimeoutError/.test(text)) return tcpFault(error);
  return {
    status: "failed",
    detail: "TCP connects, but the TLS handshake is never answered",
    advice: "Look for a proxy or a firewall that takes connections and swallows TLS",
  };
}

/** Code, name and message: each runtime has the reason in another of them. */
function textOf(error: unknown): string {
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  const parts = [code, name === "Error" ? undefined : name, message];
  return parts.filter((part) => typeof part === "string" && part !== "").join(": ")
    .replace(/\s+/g, " ").trim().slice(0, 200);
}
