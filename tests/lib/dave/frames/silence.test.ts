import { assertEquals } from "@std/assert";
import test from "node:test";
import { isSilence } from "../../../../lib/dave/frames/silence.ts";
import { hex } from "../../../tools/vectors.ts";

test("isSilence() is true for F8 FF FE alone", () => {
  assertEquals(isSilence(hex("f8fffe")), true);
  for (const other of ["", "f8ff", "f8ffff", "f9fffe", "f8fefe", "f8fffe00", "00f8fffe"]) {
    assertEquals(isSilence(hex(other)), false, other);
  }
});
