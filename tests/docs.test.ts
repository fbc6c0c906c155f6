/**
 * What the docs say is what the tables say.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { STATES, type TransitionRow, TRANSITIONS } from "../lib/state.ts";
import { stateDocument } from "./tools/state_diagram.ts";

/** What a formatter may change: padding of cells and dashes of a table. */
function plain(text: string): string {
  return text.replace(/-{3,}/g, "---").replace(/ +/g, " ").trim();
}

test("docs/states.md is what the tables in lib/ say", () => {
  const page = readFileSync(new URL("../docs/states.md", import.meta.url), "utf8");
  assertEquals(plain(page), plain(stateDocument()));
});

test("what the diagram leaves out is what the page says it leaves out", () => {
  for (const state of STATES) {
    const { join, leave, fatalClose }: TransitionRow = TRANSITIONS[state];
    assertEquals(join, state === "closed" ? undefined : "signalling");
    assertEquals(leave, state === "closed" ? undefined : "closed");
    const fatal = state === "closed" || state === "idle" ? undefined : "closed";
    assertEquals(fatalClose, fatal);
  }
});
