import { assert, assertEquals, assertMatch } from "@std/assert";
import test from "node:test";
import { CLOSE_CODES, closeCode, type RecoveryAction } from "../../lib/close_codes.ts";
import { loadVectors } from "../tools/vectors.ts";

interface ClientBehaviour {
  cases: { code: number; documented?: string; do_not_reconnect?: boolean }[];
}

const { cases } = loadVectors<ClientBehaviour>("close_codes.json");

/** The recommended actions of the protocol sheet, section 2.8; the first one where it names two. */
const ACTIONS: Readonly<Record<RecoveryAction, readonly number[]>> = {
  resume: [1001, 1005, 1006, 1011, 1012, 4000, 4013, 4015, 4800],
  rejoin: [4005, 4006, 4009, 4011],
  wait: [4014, 4022],
  stop: [1000, 4001, 4002, 4003, 4004, 4008, 4012, 4016, 4017, 4020, 4021],
};

for (const [action, codes] of Object.entries(ACTIONS)) {
  test(`closeCode() says ${action} for ${codes.join(", ")}`, () => {
    for (const code of codes) assertEquals(closeCode(code).action, action, `${code}`);
  });
}

test("closeCode() has a row for every documented code, in the documents' words", () => {
  for (const { code, documented } of cases) {
    if (documented === undefined) continue;
    const [words] = documented.toLowerCase().replace("disconnected: ", "").split(" (");
    const { meaning } = CLOSE_CODES[code];
    const last = words.split(" ").at(-1)!;
    assert(meaning.includes(last), `${code}: ${meaning} / ${words}`);
  }
});

test("closeCode() does not reconnect by itself where the documents forbid it", () => {
  const forbidden = cases.filter((candidate) => candidate.do_not_reconnect === true);
  assertEquals(forbidden.map(({ code }) => code), [4014, 4021, 4022]);
  for (const { code } of forbidden) {
    assert(["wait", "stop"].includes(closeCode(code).action), `${code}`);
  }
});

test("closeCode() takes other codes for a lost network or a lost session", () => {
  for (const code of [0, 1002, 1015, 3000, 3999]) {
    assertEquals(closeCode(code).action, "resume", `${code}`);
    assertEquals(closeCode(code).meaning, "connection lost");
  }
  for (const code of [4007, 4010, 4018, 4023, 4901, 4999, 5000, NaN]) {
    assertEquals(closeCode(code).action, "rejoin", `${code}`);
    assertEquals(closeCode(code).meaning, "undocumented close code");
  }
});

test("every row of the recovery table has a meaning and a hint", () => {
  const rows = [...Object.keys(CLOSE_CODES).map(Number), 1006, 4999].map(closeCode);
  assertEquals(rows.length, 24);
  for (const { meaning, hint } of rows) {
    assertMatch(meaning, /^[a-z][a-z -]+$/);
    assertMatch(hint, /^[A-Z].{15,}[^.]$/);
  }
});
