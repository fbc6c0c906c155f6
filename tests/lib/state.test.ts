import { assertEquals } from "@std/assert";
import test from "node:test";
import { SIGNALS, STATES, transition, TRANSITIONS } from "../../lib/state.ts";

// The table as the design draws it; an empty cell is a protocol error.
const DESIGN = `
| state | join | serverUpdate | websocketOpen | ready | addressDiscovered | sessionDescription | resumed | resumableClose | rejoinClose | waitClose | fatalClose | leave |
| idle | signalling | connecting | | | | | | | | | | closed |
| signalling | signalling | connecting | | | | | | | | | closed | closed |
| waiting | signalling | connecting | | | | | | | | | closed | closed |
| connecting | signalling | connecting | identifying | | | | | connecting | signalling | waiting | closed | closed |
| identifying | signalling | connecting | | discovering | | | | connecting | signalling | waiting | closed | closed |
| discovering | signalling | connecting | | | selecting | | | connecting | signalling | waiting | closed | closed |
| selecting | signalling | connecting | | | | connected | | connecting | signalling | waiting | closed | closed |
| connected | signalling | connecting | | | | connected | | reconnecting | signalling | waiting | closed | closed |
| reconnecting | signalling | connecting | resuming | | | | | reconnecting | signalling | waiting | closed | closed |
| resuming | signalling | connecting | | discovering | | | connected | reconnecting | signalling | waiting | closed | closed |
| closed | | | | | | | | | | | | |
`;

const [[, ...signals], ...rows] = DESIGN.trim().split("\n").map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim())
);

test("the design's table names every state and every signal", () => {
  assertEquals(rows.map(([state]) => state), [...STATES]);
  assertEquals(signals, [...SIGNALS]);
});

for (const [row, state] of STATES.entries()) {
  for (const [column, signal] of SIGNALS.entries()) {
    const next = rows[row][column + 1];
    test(`transition() from ${state} on ${signal} is ${next || "an error"}`, () => {
      assertEquals(transition(state, signal) ?? "", next);
    });
  }
}

test("every state but idle can be reached, and closed is the end", () => {
  const reached = new Set(Object.values(TRANSITIONS).flatMap((row) => Object.values(row)));
  assertEquals([...reached].sort(), STATES.filter((state) => state !== "idle").sort());
  assertEquals(TRANSITIONS.closed, {});
});
