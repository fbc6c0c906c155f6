/**
 * Writes the state machine and the recovery policy down as a page:
 *
 *     deno run -A tests/tools/state_diagram.ts > docs/states.md
 *
 * @module
 */

import { RATCHET_OVERLAP } from "../../lib/dave/frames/mod.ts";
import { RECOVERY_COUNT, RECOVERY_WINDOW } from "../../lib/dave/recovery_guard.ts";
import {
  DECRYPTION_FAILURE_TOLERANCE,
  STALL_PATIENCE,
  STALL_PATIENCE_LIMIT,
} from "../../lib/dave/session.ts";
import { DAVE_SIGNALS, DAVE_STATES, DAVE_TRANSITIONS } from "../../lib/dave/transitions.ts";
import { CLOSE_CODES, type RecoveryAction } from "../../lib/close_codes.ts";
import { RECOVERY_ATTEMPTS, STABLE_DELAY } from "../../lib/recovery.ts";
import { PHASE_TIMEOUTS, REALLOCATION_TIMEOUT } from "../../lib/session.ts";
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

The close code says what is done first. Other codes below 4000 (the network's) resume, other codes from 4000 on rejoin.
A code below 4000 between Identify and the key rejoins: to identify again with the same session would end in 4006.

| action | what is done | attempts | each within | then |
| --- | --- | --- | --- | --- |
| resume | a new WebSocket continues the session; where none is established yet, the handshake starts again | ${
    attempts("resume")
  } | rejoin |
| rejoin | op 4 leaves and joins again, both updates are awaited | ${attempts("rejoin")} | stop |
| wait | the main gateway's next updates decide | ${attempts("wait")} | stop |
| stop | the session is closed, its error has the hint | | | |

Each attempt is made at a random moment within its time (full jitter). ${
    seconds(STABLE_DELAY)
  } of unbroken connection fill the budget
again, a rejoin fills that of resumes, and a ready connection has all its waits back. Without a main gateway (the caller has
given the voice server himself) there is no rejoin. An endpoint of null waits ${
    seconds(REALLOCATION_TIMEOUT)
  } for the new one.

Whatever is done, op 4 goes out at most five times a minute, and one of the five is kept for leaving. A rejoin that has no
room waits for it; but a session that was never ready ends rather than wait for more than 5 s. Where a join brings nothing,
op 4 is sent again after a third and two thirds of the time for \`signalling\`; where only the voice server is missing, it
leaves and joins again after two thirds.

${
    table(
      ["code", "meaning", "first action", "attempts", "each within", "hint"],
      Object.entries(CLOSE_CODES).map(([code, { meaning, action, hint }]) => {
        return [code, meaning, action, attempts(action), hint];
      }),
    )
  }

${daveSection()}
`;
}

/** What becomes of the call's MLS group. */
function daveSection(): string {
  return `## States of end-to-end encryption

They are beside those above: what the client is to the MLS group of the call (DAVE). Waiting: a key package was sent, the
external sender is awaited. Founded: there is a group of our own in which to commit, the call's group is awaited. An empty
cell: the message is ignored and counted. Which keys are in use is not told here: others are heard by the keys of an older
epoch for ${
    seconds(RATCHET_OVERLAP)
  } more, and our own frames are sealed with a new one once its transition is executed.

${
    table(
      ["state", ...DAVE_SIGNALS],
      DAVE_STATES.map((state) => [
        state,
        ...DAVE_SIGNALS.map((signal) => DAVE_TRANSITIONS[state][signal] ?? ""),
      ]),
    )
  }

A failure is a commit or a welcome that cannot be used, more than ${DECRYPTION_FAILURE_TOLERANCE} undecryptable frames in a row outside of transitions, or
others with whom the group is not shared after ${
    seconds(STALL_PATIENCE)
  } (then twice as long, up to ${
    seconds(STALL_PATIENCE_LIMIT)
  }). The group is given up and the gateway asked to
add us anew (op 31, op 26): one attempt at a time, at most ${RECOVERY_COUNT} within ${
    seconds(RECOVERY_WINDOW)
  }. Meanwhile our old key goes on for ${seconds(RATCHET_OVERLAP)}.`;
}

/** Two cells: how many attempts, and within which time each. */
function attempts(action: RecoveryAction): string {
  if (action === "stop") return " | ";
  if (action === "wait") {
    return `${RECOVERY_ATTEMPTS.wait.length} | ${seconds(PHASE_TIMEOUTS.waiting)}`;
  }
  const times = RECOVERY_ATTEMPTS[action];
  return `${times.length} | ${times.map(seconds).join(", ")}`;
}

function seconds(milliseconds = 0): string {
  return milliseconds === 0 ? "at once" : `${milliseconds / 1000} s`;
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
