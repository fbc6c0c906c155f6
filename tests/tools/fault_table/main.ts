/**
 * Measures the table of faults, ours and @discordjs/voice, and writes `docs/faults.md`. It takes some
 * minutes; with `--virtual` it renews the figures of the virtual clock alone.
 *
 *     deno run -A tests/tools/fault_table/main.ts [--virtual]
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { runAll, runReally } from "../../faults/real_run.ts";
import type { Outcome } from "../../faults/row.ts";
import { FAULT_TABLE, REAL_ROWS } from "../../faults/table.ts";
import { runVirtually } from "../../faults/virtual_run.ts";
import { runPeer } from "../../peers/faults_peer.ts";
import { faultDocument, renewVirtual } from "./document.ts";

const PAGE = new URL("../../../docs/faults.md", import.meta.url);
const PEER = new URL("../../peers/discordjs/package.json", import.meta.url);
/** Milliseconds that @discordjs/voice gets. */
const PEER_LIMIT = 20_000;
/** Rows at a time. */
const [OURS, THEIRS] = [12, 6];

const virtual = new Map<string, Outcome>(FAULT_TABLE.map((row) => [row.name, runVirtually(row)]));

async function measure(): Promise<string> {
  const real = await runAll(REAL_ROWS, OURS, runReally);
  const peer = await runAll(REAL_ROWS, THEIRS, (row) => runPeer(row, PEER_LIMIT));
  const again = REAL_ROWS.filter(({ name }) => peer.get(name)!.op4 > 1);
  const generous = await runAll(again, THEIRS, (row) => runPeer(row, PEER_LIMIT, "generous"));
  const { dependencies } = JSON.parse(readFileSync(PEER, "utf8"));
  const peerVersion = dependencies["@discordjs/voice"];
  return faultDocument({ virtual, real, peer, generous, peerLimit: PEER_LIMIT, peerVersion });
}

const isVirtual = process.argv.includes("--virtual");
writeFileSync(
  PAGE,
  isVirtual ? renewVirtual(readFileSync(PAGE, "utf8"), virtual) : await measure(),
);
