import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { demandChoice, demandChoices } from "../../lib/options.ts";

test("demandChoice() takes each choice and refuses anything else", () => {
  for (const value of ["a", "b"]) demandChoice("letter", value, ["a", "b"]);
  for (const value of ["c", "", undefined, null, 1]) {
    const { message } = assertThrows(
      () => demandChoice("letter", value, ["a", "b"]),
      RangeError,
    );
    assertEquals(message, `Cannot use letter ${value}: it is one of a, b`);
  }
});

test("demandChoices() takes lists of choices and refuses one without any", () => {
  demandChoices("letters", ["b", "a", "b"], ["a", "b"]);
  assertThrows(() => demandChoices("letters", ["a", "c"], ["a", "b"]), RangeError, "letters c");
  assertThrows(() => demandChoices("letters", [], ["a", "b"]), RangeError, "the list is empty");
});
