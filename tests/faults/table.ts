/**
 * The table of scripted faults: close codes by phase, messages by fault, and stories.
 *
 * @module
 */

import { closeRows, messageRows, networkRows } from "./families.ts";
import type { FaultRow } from "./row.ts";
import { joiningRows } from "./stories_joining.ts";
import { readyRows } from "./stories_ready.ts";
import { serverRows } from "./stories_servers.ts";

/** All rows. */
export const FAULT_TABLE: readonly FaultRow[] = [
  ...closeRows(),
  ...networkRows(),
  ...messageRows(),
  ...joiningRows(),
  ...readyRows(),
  ...serverRows(),
];

/** The rows that run on real sockets too. */
export const REAL_ROWS: readonly FaultRow[] = FAULT_TABLE.filter(({ real }) => real);
