/**
 * Measures packets on the runtime that runs it, and prints one JSON line. `packets.ts` starts it.
 *
 * @module
 */

import process from "node:process";
import { currentRuntime } from "../../examples/demo/runtimes.ts";
import { aeadSubjects } from "./aead_subjects.ts";
import { allocatedBy } from "./allocation.ts";
import { garbageCollector } from "./garbage.ts";
import { limitSubjects } from "./limit.ts";
import { ownSubjects } from "./own_subjects.ts";
import { peerSubjects } from "./peer_subjects.ts";
import { type Measured, takeTurns } from "./turns.ts";

/** What one runtime prints. */
export interface PacketRun {
  /** The runtime's version. */
  readonly version: string;
  /** All subjects. */
  readonly subjects: readonly Measured[];
}

const ROUNDS = 15;
const BATCH = 8;
const FRAME_SIZE = 160;

const frame = Uint8Array.from({ length: FRAME_SIZE }, (_, i) => i === 0 ? 0xfc : 7 * i);
const runtime = currentRuntime();
const progress = (text: string) => process.stderr.write(`  ${text}\n`);
const collect = garbageCollector();

progress("connecting");
const subjects = [
  ...(await ownSubjects(frame)).subjects,
  ...await peerSubjects(frame),
  ...await aeadSubjects(frame),
  ...limitSubjects(),
];
progress(`warming up ${subjects.length} subjects`);
const measured = await takeTurns(subjects, { rounds: ROUNDS, batch: BATCH, progress });
progress("counting what is allocated");
const counted = measured.map((one, i): Measured => {
  // Bun's heap has no exact size between two collections.
  const isCounted = runtime !== "bun" && one.side !== "limit" && one.error === undefined;
  return isCounted ? { ...one, allocated: allocatedBy(subjects[i]!, collect) } : one;
});
const result: PacketRun = { version: process.versions[runtime]!, subjects: counted };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
