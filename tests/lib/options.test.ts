import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { demandChoice, demandChoices, demandTimes } from "../../lib/options.ts";

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

const NAMES = ["first", "second"];

test("demandTimes() takes milliseconds for which a timer can be set, and what is left out", () => {
  demandTimes("times", {}, NAMES);
  for (const value of [Number.MIN_VALUE, 0.5, 1, 15_000, 2 ** 31 - 1, undefined]) {
    demandTimes("times", { first: 1, second: value }, NAMES);
  }
});

test("demandTimes() refuses what is no time, and says which", () => {
  const wrong = [
    0,
    -0,
    -1,
    NaN,
    Infinity,
    -Infinity,
    2 ** 31,
    1e300,
    null,
    "5",
    "x",
    true,
    [5],
    {},
  ];
  for (const value of wrong) {
    const values = { first: 1, second: value as number };
    const { message } = assertThrows(() => demandTimes("times", values, NAMES), RangeError);
    assertEquals(
      message,
      `Cannot use times.second ${value}: it is above 0 and at most 2147483647 milliseconds`,
    );
  }
});

test("demandTimes() refuses a name that is none, and says which there are", () => {
  assertThrows(
    () => demandTimes("times", { third: 1 }, NAMES),
    RangeError,
    "Cannot use times third: it is one of first, second",
  );
});
