/**
 * Stories of voice servers that forget, that are out of reach, that talk nonsense.
 *
 * @module
 */

import { ends, silentAt } from "./oracle.ts";
import type { FaultRow, Step } from "./row.ts";
import { CUT, READY, type Story, told } from "./story.ts";

const NO_MODE = ends("no-shared-mode", 2);

/** Stories of voice servers. */
export function serverRows(): FaultRow[] {
  return told("Voice servers", [
    ...resumeStories(),
    ...udpStories(),
    ...modeStories(),
    ...nonsenseStories(),
    ...helloStories(),
  ]);
}

function resumeStories(): Story[] {
  return [
    {
      name: "Ready in answer to Resume",
      faults: [{ on: "resume", fault: "renew", times: 1 }],
      then: [CUT],
      ...READY,
      real: true,
    },
    {
      name: "Ready in answer to every Resume, three times",
      faults: [{ on: "resume", fault: "renew", times: 3 }],
      then: [CUT, { at: 2000, do: "cut" }, { at: 4000, do: "cut" }],
      ...ends("ready", 1, 0, 4000 + 1600),
    },
    {
      name: "the session is forgotten before the Resume",
      server: { resumeWindow: 1 },
      then: [CUT],
      ...ends("ready", 3, 0, 2200),
      real: true,
    },
    { name: "cut off", then: [CUT], ...READY, real: true },
    { name: "cut off three times", then: cuts(3), ...ends("ready", 1, 0, 4000), real: true },
  ];
}

function cuts(count: number): Step[] {
  return Array.from({ length: count }, (_, index): Step => ({ at: index * 1000, do: "cut" }));
}

function udpStories(): Story[] {
  return [
    {
      name: "UDP is gone before discovery",
      faults: [{ on: ["IpDiscovery", "Keepalive", "Rtp"], fault: "lose" }],
      ...ends("udp-unreachable", 2, 6200, 1000),
    },
    {
      name: "UDP is gone once it was found",
      then: [{
        at: 0,
        do: "setFaults",
        faults: [{ on: ["IpDiscovery", "Keepalive", "Rtp"], fault: "lose" }],
      }],
      ...ends("ready", 1, 60_000),
      hears: "none",
    },
  ];
}

function modeStories(): Story[] {
  return [
    {
      name: "no mode is shared",
      server: { modes: ["xsalsa20_poly1305_lite"] },
      ...NO_MODE,
      real: true,
    },
    {
      name: "Ready offers modes that nobody knows",
      faults: [{ on: "Ready", fault: { with: { modes: ["aead_future"] } } }],
      ...NO_MODE,
      real: true,
    },
    {
      name: "Ready offers no mode",
      faults: [{ on: "Ready", fault: { with: { modes: [] } } }],
      ...NO_MODE,
    },
    {
      name: "SessionDescription has a mode that was not asked for",
      faults: [{ on: "SessionDescription", fault: { with: { mode: "xsalsa20_poly1305" } } }],
      ...NO_MODE,
      real: true,
    },
  ];
}

/** What cannot be read has not come. */
function nonsense(
  on: "Ready" | "SessionDescription",
  what: string,
  fields: Readonly<Record<string, unknown>>,
): Story {
  return {
    name: `${on} with ${what}, once`,
    faults: [{ on, fault: { with: fields }, times: 1 }],
    ...silentAt("handshake", "once"),
  };
}

function nonsenseStories(): Story[] {
  return [
    nonsense("Ready", "a negative SSRC", { ssrc: -1 }),
    nonsense("Ready", "an SSRC that is text", { ssrc: "1" }),
    nonsense("Ready", "no port", { port: undefined }),
    nonsense("Ready", "a port out of range", { port: 70_000 }),
    nonsense("Ready", "no modes", { modes: undefined }),
    nonsense("SessionDescription", "a short key", { secret_key: [1, 2, 3] }),
    nonsense("SessionDescription", "no key", { secret_key: undefined }),
    nonsense("SessionDescription", "no mode", { mode: undefined }),
  ];
}

/** Without a good Hello the interval is the usual one. */
function helloStories(): Story[] {
  return [
    ...([["no", undefined], ["a negative", -1], ["a text", "13750"]] as const).map((
      [what, heartbeat_interval],
    ): Story => ({
      name: `Hello with ${what} interval, once`,
      faults: [{ on: "Hello", fault: { with: { heartbeat_interval } }, times: 1 }],
      ...READY,
    })),
    {
      name: "Hello with an interval of 500 ms",
      faults: [{ on: "Hello", fault: { with: { heartbeat_interval: 500 } } }],
      ...READY,
    },
  ];
}
