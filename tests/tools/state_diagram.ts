/**
 * Writes the state machine and the recovery policy down as a page:
 *
 *     deno run -A tests/tools/state_diagram.ts > docs/states.md
 *
 * @module
 */

import { CLOSE_CODES } from "../../lib/close_codes.ts";
import { PHASE_TIMEOUTS } from "../../lib/session.ts";
import { SIGNALS, STATES, TRANSITIONS } from "../../lib/state.ts";

/** Signals that lead from nearly everywhere to one state: words, not arrows. */
const EVERYWHERE: readonly string[] = ["join", "fatalClose", "leave"];

/** The page, made of the tables in `lib/`. */
export function stateDocument(): string {
  return `# States of a session

Made from the tables in \`lib/\`; a test holds it equal.

\`\`\`mermaid
stateDiagram-v2
  [*] --> idle
${arrows().join("\n")}
  closed --> [*]
\`\`\`

Not drawn: \`join\` leads to signalling and \`leave\` to closed from every state but closed; \`fatalClose\` leads to closed
from every state but idle. An empty cell is a protocol error of whoever caused the signal; nothing changes.

${
    table(
      ["state", ...SIGNALS],
      STATES.map((state) => [state, ...SIGNALS.map((signal) => TRANSITIONS[state][signal] ?? "")]),
    )
  }

A state that takes too long ends in recovery or in an error:

${
    table(
      ["state", "limit"],
      Object.entries(PHASE_TIMEOUTS).map(([state, ms]) => [state, `${ms / 1000} s`]),
    )
  }

## What is done when the voice server closes

Other codes below 4000 resume, other codes from 4000 on rejoin. Where no session is established yet, resume means that
the handshake starts again.

${
    table(
      ["code", "meaning", "first action", "hint"],
      Object.entries(CLOSE_CODES).map(([code, row]) => [code, row.meaning, row.action, row.hint]),
    )
  }
`;
}

function arrows(): string[] {
  return STATES.flatMap((state) =>
    SIGNALS.flatMap((signal) => {
      const next = TRANSITIONS[state][signal];
      const drawn = next !== undefined && !EVERYWHERE.includes(signal);
      return drawn || (state === "idle" && signal === "join")
        ? [`  ${state} --> ${next}: ${signal}`]
        : [];
    })
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (import.meta.main) console.log(stateDocument().trimEnd());
