/**
 * The five documents.
 *
 * @module
 */

import type { Seed } from "./model.ts";
import { CONNECTION_NAMES } from "./names/connection.ts";
import { DOCS_V3_NAMES } from "./names/docs_v3.ts";
import { DOCS_V4_NAMES } from "./names/docs_v4.ts";
import { NAFF_NAMES } from "./names/naff.ts";
import { NETWORKING_NAMES } from "./names/networking.ts";
import { CONNECTION_ROWS } from "./rows/connection.ts";
import { DOCS_V3_ROWS } from "./rows/docs_v3.ts";
import { DOCS_V4_ROWS } from "./rows/docs_v4.ts";
import { NAFF_ROWS } from "./rows/naff.ts";
import { NETWORKING_ROWS } from "./rows/networking.ts";

/** The documents, by number. */
export const SEEDS: readonly Seed[] = [
  {
    id: "000",
    title: "Networking of @discordjs/voice",
    intro:
      "`./networking` has these names with these meanings: a program for that library changes its " +
      "import. Who joins with `joinVoice` needs none of it.",
    names: NETWORKING_NAMES,
    rows: NETWORKING_ROWS,
  },
  {
    id: "001",
    title: "Connection of discord-luau",
    intro:
      "`VoiceConnection`, which `joinVoice` gives, has all of it but decoded sound. Event names lose their `on`, " +
      'methods their `Async`: `connection.on("speaking", listener)`, `await connection.reconnect()`.',
    names: CONNECTION_NAMES,
    rows: CONNECTION_ROWS,
  },
  {
    id: "002",
    title: "Voice page of Discord for version 4",
    intro:
      "The page stands in the diff of a package that dropped its copy of Discord's documentation; " +
      "the other files of that diff are listed first. `joinVoice({ gatewayVersion: 4 })` speaks this " +
      "version; 8 is the default. The payloads of all versions are typed in one form.",
    names: DOCS_V4_NAMES,
    rows: DOCS_V4_ROWS,
  },
  {
    id: "003",
    title: "Voice page of Discord for version 3",
    intro:
      "Where this page and the one before contradict each other, the later one holds, and this " +
      "one is spoken only on request: `gatewayVersion: 3`, `modes` and `discovery` of `joinVoice`. " +
      "Discord itself takes none of it any more.",
    names: DOCS_V3_NAMES,
    rows: DOCS_V3_ROWS,
  },
  {
    id: "004",
    title: "VoiceGateway of NAFF",
    intro: "One Python class that is WebSocket, UDP socket and RTP sender at once; most of it is " +
      "`VoiceConnection` here. What its source does against the protocol is named and left out.",
    names: NAFF_NAMES,
    rows: NAFF_ROWS,
  },
];
