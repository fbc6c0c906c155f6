/**
 * Stories of a bot that is ready: moves, kicks, other voice servers, shards.
 *
 * @module
 */

import { CHANNEL, OTHER_CHANNEL } from "./cast.ts";
import { ends } from "./oracle.ts";
import type { FaultRow, Step } from "./row.ts";
import { before, CUT, MINUTE, MOVE, READY, renewed, type Story, told, UPDATES } from "./story.ts";

/** Stories of a bot that is ready. */
export function readyRows(): FaultRow[] {
  return told("Main gateway: moves, kicks, other servers", [
    ...moveStories(),
    ...replacementStories(),
    ...kickStories(),
    ...closeStories(),
    ...shardStories(),
    ...rejoinStories(),
  ]);
}

function moveStories(): Story[] {
  return [
    { name: "moved to another channel", then: [MOVE], ...READY, real: true },
    {
      name: "moved there and back",
      then: [MOVE, { at: 1000, do: "move", channelId: CHANNEL }],
      ...READY,
      real: true,
    },
    {
      name: "moved there and back at once",
      then: [MOVE, { at: 0, do: "move", channelId: CHANNEL }],
      ...READY,
    },
    { name: "moved 15 times in 15 s", then: moves(15), ...READY },
    { name: "moved 25 times in 25 s", then: moves(25), ...READY },
    {
      name: "moved, VOICE_STATE_UPDATE after SERVER",
      then: [before({ on: "VOICE_STATE_UPDATE", fault: { late: 0 } }), MOVE],
      ...READY,
    },
    {
      name: "moved, VOICE_STATE_UPDATE lost",
      then: [before({ on: "VOICE_STATE_UPDATE", fault: "lose" }), MOVE],
      ...READY,
      hears: "none",
    },
    {
      name: "moved, VOICE_SERVER_UPDATE lost",
      then: [before(renewed("lose")), MOVE],
      ...ends("disconnected", 2, 5000, 1000),
      real: true,
    },
    {
      name: "moved, VOICE_SERVER_UPDATE 3 s late",
      then: [before(renewed({ late: 3000 })), MOVE],
      ...ends("ready", 1, 3000, 1000),
      real: true,
    },
    {
      name: "moved, VOICE_SERVER_UPDATE doubled",
      then: [before(renewed("double")), MOVE],
      ...READY,
    },
    {
      name: "moved, endpoint null for 7 s",
      then: [before(renewed({ nullFirst: 7000 })), MOVE],
      ...ends("ready", 1, 7000, 1000),
    },
    {
      name: "moved, endpoint null for 35 s",
      then: [before(renewed({ nullFirst: 35_000 })), MOVE],
      ...ends("disconnected", 2, 30_000, 1000),
    },
  ];
}

function moves(count: number): Step[] {
  return Array.from({ length: count }, (_, index): Step => ({
    at: index * 1000,
    do: "move",
    channelId: index % 2 === 0 ? OTHER_CHANNEL : CHANNEL,
  }));
}

function replacementStories(): Story[] {
  return [
    {
      name: "the voice server is replaced",
      then: [{ at: 0, do: "reallocate" }],
      ...READY,
      real: true,
    },
    {
      name: "the voice server is replaced twice",
      then: [{ at: 0, do: "reallocate" }, { at: 500, do: "reallocate" }],
      ...READY,
      real: true,
    },
    {
      name: "the voice server is replaced after 20 s",
      then: [before(renewed({ late: 20_000 })), { at: 0, do: "reallocate" }],
      ...ends("ready", 1, 20_000, 1000),
    },
    {
      name: "the voice server is never replaced",
      then: [before(renewed("lose")), { at: 0, do: "reallocate" }],
      ...ends("disconnected", 2, 30_000, 1000),
      real: true,
    },
  ];
}

function kickStories(): Story[] {
  return [
    {
      name: "kicked",
      then: [{ at: 0, do: "kick" }],
      ...ends("disconnected", 1),
      real: true,
    },
    {
      name: "kicked, VOICE_STATE_UPDATE lost",
      then: [
        before({ on: "VOICE_STATE_UPDATE", fault: "lose" }),
        { at: 0, do: "kick" },
      ],
      ...ends("disconnected", 2, 5000, 1000),
      real: true,
    },
    {
      name: "kicked while it resumes",
      then: [before({ on: "resume", fault: "lose" }), CUT, { at: 500, do: "kick" }],
      ...ends("disconnected", 1),
    },
    {
      name: "moved while it resumes",
      then: [before({ on: "resume", fault: "lose" }), CUT, { ...MOVE, at: 500 }],
      ...READY,
    },
  ];
}

/** The voice server closes before the main gateway says why. */
function closeStories(): Story[] {
  return [
    ...[4014, 4022].flatMap((code): Story[] => [
      {
        name: `${code}, and moved 3 s later`,
        then: [{ at: 0, do: "close", code }, { ...MOVE, at: 3000 }],
        ...READY,
        real: code === 4022,
      },
      {
        name: `${code}, and moved 7 s later`,
        then: [{ at: 0, do: "close", code }, { ...MOVE, at: 7000 }],
        ...ends("disconnected", 2),
      },
      {
        name: `${code}, and the voice server is replaced 3 s later`,
        then: [{ at: 0, do: "close", code }, { at: 3000, do: "reallocate" }],
        ...READY,
      },
    ]),
  ];
}

function shardStories(): Story[] {
  return [
    {
      name: "the shard is resumed",
      then: [{ at: 0, do: "interrupt", duration: 3000, resumed: true }],
      ...READY,
      real: true,
    },
    {
      name: "the shard comes back with a new session",
      then: [{ at: 0, do: "interrupt", duration: 3000, resumed: false }],
      ...ends("disconnected", 2, 3000 + 5000, 1000),
      real: true,
    },
    {
      name: "cut off while the shard is away",
      then: [{ at: 0, do: "interrupt", duration: 3000, resumed: true }, { at: 100, do: "cut" }],
      ...READY,
      real: true,
    },
    {
      name: "the shard is closed",
      then: [{ at: 0, do: "closeShard" }],
      ...ends("gateway-closed", [1, 2]),
      real: true,
    },
    {
      name: "another user is moved about",
      then: [
        { at: 0, do: "friendMoves", channelId: OTHER_CHANNEL },
        { at: 1000, do: "friendMoves", channelId: CHANNEL },
      ],
      ...READY,
      real: true,
    },
  ];
}

/** The session is void, and the main gateway does not listen. */
function rejoinStories(): Story[] {
  return [
    ...([["the first op 4", 1, 0], ["the second op 4", 1, 1], ["both op 4", 2, 0]] as const).map((
      [what, times, skip],
    ): Story => ({
      name: `4006, and ${what} of the rejoin lost`,
      then: [
        { ...before({ on: "op4", fault: "lose", times, skip }), at: MINUTE },
        { at: MINUTE, do: "close", code: 4006 },
      ],
      ...ends("ready", [3, 5], UPDATES, 2000),
    })),
    {
      name: "4006 while the shard is away for 3 s",
      then: [
        { at: MINUTE, do: "interrupt", duration: 3000, resumed: true },
        { at: MINUTE + 100, do: "close", code: 4006 },
      ],
      ...ends("ready", [1, 5], UPDATES, 1000),
    },
    {
      name: "4006 while the shard refuses op 4 for 60 s",
      then: [
        { at: MINUTE, do: "interrupt", duration: 60_000, resumed: true, refuses: true },
        { at: MINUTE + 100, do: "close", code: 4006 },
      ],
      ...ends("gateway-refused", [1, 5], UPDATES, 2000),
    },
  ];
}
