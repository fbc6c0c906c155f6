/**
 * All parsers of the library, as the fuzz tests know them.
 *
 * @module
 */

import { AUDIO_PARSERS } from "./audio_parsers.ts";
import { DAVE_PARSERS } from "./dave_parsers.ts";
import { DAVE_SERVERS } from "./dave_server.ts";
import { MACHINES } from "./machines.ts";
import { MESSAGE_PARSERS } from "./message_parsers.ts";
import { PACKET_PARSERS } from "./packet_parsers.ts";
import type { AnyParser } from "./parser.ts";
import { WEBM_PARSERS } from "./webm_parsers.ts";

/** All parsers. */
export const PARSERS: readonly AnyParser[] = [
  ...PACKET_PARSERS,
  ...AUDIO_PARSERS,
  ...WEBM_PARSERS,
  ...MESSAGE_PARSERS,
  ...DAVE_PARSERS,
  ...MACHINES,
  ...DAVE_SERVERS,
];
