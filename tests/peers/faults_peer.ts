/**
 * Rows of the table of faults with @discordjs/voice: what its process reports.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import type { FaultRow } from "../faults/row.ts";
import { runCommand } from "../tools/command.ts";
import { TLS_CERTIFICATE_PATH } from "../tools/tls_front.ts";
import { installPeer } from "./install.ts";

/**
 * What op 4 brings where the bot is in the channel already: `strict` its voice state alone, as
 * with Discord often, `generous` a voice server too.
 */
export type PeerGateway = "strict" | "generous";

/** What came of a row. */
export interface PeerOutcome {
  /** Name of the row. */
  readonly name: string;
  /** The last status, with the close code where it has one; `crash`: an exception was thrown. */
  readonly end: string;
  /** Milliseconds until the last change of the status. */
  readonly after: number;
  /** How many op 4 it has sent. */
  readonly op4: number;
  /** Messages of its errors. */
  readonly errors: readonly string[];
}

const PROGRAM = fileURLToPath(new URL("./faults_discordjs.ts", import.meta.url));
/** Milliseconds that a process takes besides. */
const STARTED = 20_000;

/**
 * Runs a row with @discordjs/voice.
 *
 * @param row The row.
 * @param limit Milliseconds that it gets to become ready.
 * @param gateway What a further op 4 brings.
 * @returns What came of it.
 */
export async function runPeer(
  { name }: FaultRow,
  limit: number,
  gateway: PeerGateway = "strict",
): Promise<PeerOutcome> {
  await installPeer("discordjs");
  const { output, ending } = await runCommand(await runtimePath("node"), [
    PROGRAM,
    name,
    String(limit),
    gateway,
  ], {
    timeLimit: 2 * limit + STARTED,
    env: { NODE_EXTRA_CA_CERTS: TLS_CERTIFICATE_PATH, NODE_OPTIONS: "" },
  });
  const line = output.split("\n").find((line) => line.startsWith("{"));
  if (line === undefined) throw new Error(`Cannot run ${name}: ${ending}\n${output}`);
  return JSON.parse(line) as PeerOutcome;
}
