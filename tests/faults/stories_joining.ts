/**
 * Stories of a bot that joins, through a main gateway that loses, doubles, delays and garbles.
 *
 * @module
 */

import { OTHER_CHANNEL } from "./cast.ts";
import { ends } from "./oracle.ts";
import type { FaultRow } from "./row.ts";
import { AGAIN, dispatch, READY, type Story, told, UPDATES } from "./story.ts";

const BOTH = [READY, READY] as const;
const READY_LATER = ends("ready", 1, 2000, 1000);
const LATER = [READY_LATER, READY_LATER] as const;
const NEVER = ends("timeout", [2, 5], UPDATES, 1000);
/** Op 4 once more was of use. */
const ASKED = ends("ready", 2, AGAIN, 1000);
/** To leave and to enter was of use. */
const REENTERED = ends("ready", 3, 2 * AGAIN, 1000);

/** Stories of a bot that joins. */
export function joiningRows(): FaultRow[] {
  return told("Main gateway: joining", [
    ...op4Stories(),
    ...stateStories(),
    ...serverStories(),
    ...endpointStories(),
    ...fullChannelStories(),
    ...shardStories(),
    ...interruptedStories(),
  ]);
}

function op4Stories(): Story[] {
  return [
    ...dispatch("op4", "lost", "lose", [ASKED, NEVER], ["once", "always"]),
    ...dispatch("op4", "doubled", "double", BOTH),
    ...dispatch("op4", "2 s late", { late: 2000 }, LATER),
    ...dispatch("op4", "7 s late", { late: 7000 }, [ASKED, ends("ready", 2, 7000, 1000)]),
    ...dispatch("op4", "20 s late", { late: 20_000 }, [ASKED, NEVER]),
  ];
}

function stateStories(): Story[] {
  const state = "VOICE_STATE_UPDATE";
  return [
    ...dispatch(state, "lost", "lose", [ASKED, NEVER], ["once", "always"]),
    ...dispatch(state, "malformed", "malform", [ASKED, NEVER]),
    ...dispatch(state, "doubled", "double", BOTH),
    ...dispatch(state, "after SERVER", { late: 0 }, BOTH, ["once"]),
    ...dispatch(state, "2 s late", { late: 2000 }, LATER, ["once"]),
    ...dispatch(state, "7 s late", { late: 7000 }, [ASKED, ends("ready", 2, 7000, 1000)]),
    ...dispatch(state, "20 s late", { late: 20_000 }, [ASKED, NEVER]),
    ...dispatch(state, "without session_id", { with: { session_id: undefined } }, [
      ASKED,
      NEVER,
    ]),
  ];
}

function serverStories(): Story[] {
  const server = "VOICE_SERVER_UPDATE";
  return [
    ...dispatch(server, "lost", "lose", [REENTERED, NEVER], ["once", "always"]),
    ...dispatch(server, "malformed", "malform", [REENTERED, NEVER]),
    ...dispatch(server, "doubled", "double", BOTH, ["once"]),
    ...dispatch(server, "2 s late", { late: 2000 }, LATER, ["once"]),
    ...dispatch(server, "7 s late", { late: 7000 }, [
      ends("ready", 1, 7000, 1000),
      ends("ready", 1, 7000, 1000),
    ]),
    // The token that comes late is void: the bot has asked again. 4006 rejoins once there are op 4.
    ...dispatch(server, "20 s late", { late: 20_000 }, [
      ends("ready", 5, 60_000, 3000),
      NEVER,
    ]),
    ...dispatch(server, "null first, 2 s", { nullFirst: 2000 }, LATER, ["once", "always"]),
    // An endpoint of null waits for the new one for 30 s.
    ...dispatch(server, "null first, 7 s", { nullFirst: 7000 }, [
      ends("ready", 1, 7000, 1000),
      ends("ready", 1, 7000, 1000),
    ]),
    ...dispatch(server, "null for ever", { with: { endpoint: null } }, [
      ends("timeout", 2, 30_000, 1000),
      ends("timeout", 2, 30_000, 1000),
    ], ["once"]),
    ...dispatch(server, "without endpoint", { with: { endpoint: undefined } }, [REENTERED, NEVER]),
    ...dispatch(server, "with a malformed endpoint", { with: { endpoint: "a b/../c" } }, [
      REENTERED,
      NEVER,
    ]),
    ...dispatch(server, "without token", { with: { token: undefined } }, [REENTERED, NEVER]),
    ...dispatch(server, "with a wrong token", { with: { token: "0000" } }, [
      ends("closed", 2),
      ends("closed", 2),
    ], ["once"]),
  ];
}

/** Whatever the endpoint is, it leads to the voice server. */
function endpointStories(): Story[] {
  return [
    ...[
      "rotterdam3306.discord.media",
      "rotterdam3306.discord.media:443",
      "us-central148.discord.gg:80",
      "c-ams20-20d36bc4.discord.media:2087",
      "wss://c-ams20-20d36bc4.discord.media:2053",
      "[::1]:2048",
    ].map((endpoint): Story => ({ name: `endpoint ${endpoint}`, endpoint, ...READY })),
  ];
}

function fullChannelStories(): Story[] {
  return [
    {
      name: "the channel is full",
      meanwhile: [{ at: -1, do: "limit", limit: 0 }],
      ...NEVER,
      real: true,
    },
    {
      name: "the channel is full for 7 s",
      meanwhile: [{ at: -1, do: "limit", limit: 0 }, { at: 7000, do: "limit" }],
      ...ends("ready", 3, 2 * AGAIN, 1000),
      real: true,
    },
  ];
}

function shardStories(): Story[] {
  return [
    {
      name: "the shard is away for 3 s and has lost op 4",
      meanwhile: [{ at: -1, do: "interrupt", duration: 3000, resumed: true }],
      ...ends("ready", [1, 2], AGAIN, 1000),
      real: true,
    },
    {
      name: "the shard is away for 3 s and refuses op 4",
      meanwhile: [{ at: -1, do: "interrupt", duration: 3000, resumed: true, refuses: true }],
      ...ends("ready", [1, 2], AGAIN, 1000),
      real: true,
    },
    {
      name: "the shard is away for 60 s and has lost op 4",
      meanwhile: [{ at: -1, do: "interrupt", duration: 60_000, resumed: true }],
      ...ends("timeout", [0, 5], UPDATES, 1000),
    },
    {
      name: "the shard is away for 60 s and refuses op 4",
      meanwhile: [{ at: -1, do: "interrupt", duration: 60_000, resumed: true, refuses: true }],
      ...ends("gateway-refused", [0, 5], UPDATES, 1000),
      real: true,
    },
    {
      name: "the shard is away between op 4 and its answers, and is resumed",
      faults: [{ on: "op4", fault: { late: 100 }, times: 1 }],
      meanwhile: [{ at: 60, do: "interrupt", duration: 2000, resumed: true }],
      ...ends("ready", 1, 2000, 1000),
    },
    {
      name: "the shard comes back with a new session while the bot joins",
      faults: [{ on: "op4", fault: { late: 100 }, times: 1 }],
      meanwhile: [{ at: 60, do: "interrupt", duration: 2000, resumed: false }],
      ...ends("ready", 2, AGAIN, 1000),
    },
    {
      name: "the shard is closed while the bot joins",
      faults: [{ on: "VOICE_SERVER_UPDATE", fault: "lose" }],
      meanwhile: [{ at: 100, do: "closeShard" }],
      ...ends("gateway-closed", [1, 2], 0, 1000),
      real: true,
    },
  ];
}

function interruptedStories(): Story[] {
  return [
    {
      name: "kicked in the middle of the handshake",
      faults: [{ on: "Ready", fault: { late: 500 } }],
      meanwhile: [{ at: 300, do: "kick" }],
      ...ends("disconnected", [1, 2], 0, 1000),
    },
    {
      name: "moved in the middle of the handshake",
      faults: [{ on: "Ready", fault: { late: 500 }, times: 1 }],
      meanwhile: [{ at: 300, do: "move", channelId: OTHER_CHANNEL }],
      ...ends("ready", 1, 0, 1500),
    },
    {
      name: "the voice server is replaced in the middle of the handshake",
      faults: [{ on: "Ready", fault: { late: 500 }, times: 1 }],
      meanwhile: [{ at: 300, do: "reallocate" }],
      ...ends("ready", 1, 0, 1500),
    },
  ];
}
