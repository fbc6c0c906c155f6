/**
 * The measuring itself, with subjects that tell how long they took, and those of this library
 * with a few packets.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import { within } from "../tools/waiting.ts";
import { ownSubjects } from "./own_subjects.ts";
import { type Subject, takeTurns } from "./turns.ts";

const COMMON = { figure: "seal", side: "own", cipher: "gcm" } as const;

test(
  "takeTurns: each subject has as many rounds as are asked for, in nanoseconds per packet",
  within(10_000, async () => {
    const ten: Subject = { ...COMMON, name: "ten", run: (count) => 10_000 * count };
    const twenty: Subject = { ...COMMON, name: "twenty", run: (count) => 20_000 * count };
    const measured = await takeTurns([ten, twenty], { rounds: 3, batch: 1 });
    assertEquals(measured.map(({ name, rounds }) => [name, rounds]), [
      ["ten", [10_000, 10_000, 10_000]],
      ["twenty", [20_000, 20_000, 20_000]],
    ]);
  }),
);

test(
  "takeTurns: what is run was prepared, in the same number",
  within(10_000, async () => {
    let prepared = 0;
    const prepare = (count: number) => void (prepared = count);
    const run = (count: number) => (assertEquals(count, prepared), 1000 * count);
    const [{ error }] = await takeTurns([{ ...COMMON, name: "", prepare, run }], {
      rounds: 2,
      batch: 1,
    });
    assertEquals(error, undefined);
  }),
);

test(
  "takeTurns: one that throws is left out and says why, the others go on",
  within(10_000, async () => {
    const fail = () => {
      throw new Error("broken\nat line 1");
    };
    const [bad, good] = await takeTurns([
      { ...COMMON, name: "bad", run: fail },
      { ...COMMON, name: "good", run: (count) => count },
    ], { rounds: 2, batch: 1 });
    assertEquals([bad.error, bad.rounds], ["broken", []]);
    assertEquals(good.rounds.length, 2);
  }),
);

test(
  "ownSubjects: in each mode frames are sent, heard and opened",
  within(30_000, async () => {
    const { subjects, leave } = await ownSubjects(Uint8Array.of(0xfc, 1, 2, 3));
    assertEquals(subjects.length, 10);
    for (const { prepare, run } of subjects) {
      prepare?.(3);
      run(3); // throws where one is not
    }
    leave();
  }),
);
