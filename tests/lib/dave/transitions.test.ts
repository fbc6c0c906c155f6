import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  DAVE_SIGNALS,
  DAVE_STATES,
  DAVE_TRANSITIONS,
  daveTransition,
} from "../../../lib/dave/transitions.ts";

// An empty cell is a signal that is ignored.
const DESIGN = `
| state | initialise | disable | externalSender | proposals | commit | removal | welcome | failure | close |
| idle | waiting | off | idle | | | | | | closed |
| off | waiting | off | off | | | | | | closed |
| waiting | waiting | off | founded | | | | | waiting | closed |
| founded | waiting | off | founded | founded | established | | established | waiting | closed |
| established | waiting | off | established | established | established | removed | | waiting | closed |
| removed | waiting | off | removed | | | | | waiting | closed |
| closed | | | | | | | | | |
`;

const [[, ...signals], ...rows] = DESIGN.trim().split("\n").map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
);

test("the design's table names every DAVE state and every signal", () => {
  assertEquals(rows.map(([state]) => state), [...DAVE_STATES]);
  assertEquals(signals, [...DAVE_SIGNALS]);
  assertEquals(Object.keys(DAVE_TRANSITIONS), [...DAVE_STATES]);
});

for (const [row, state] of DAVE_STATES.entries()) {
  for (const [column, signal] of DAVE_SIGNALS.entries()) {
    const next = rows[row][column + 1];
    test(`daveTransition() from ${state} on ${signal} is ${next || "ignored"}`, () => {
      assertEquals(daveTransition(state, signal) ?? "", next);
    });
  }
}
