import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { MATROSKA_ELEMENTS, MatroskaId } from "../../../lib/audio/matroska_elements.ts";

test("MATROSKA_ELEMENTS has each ID once, in a master that is there", () => {
  assertEquals(
    [...MATROSKA_ELEMENTS.keys()].sort(),
    Object.values<number>(MatroskaId).sort(),
  );
  for (const { name, id, parent } of MATROSKA_ELEMENTS.values()) {
    assertEquals(MatroskaId[name as keyof typeof MatroskaId], id);
    if (parent === undefined) continue;
    assert(
      name === "DocType" || MATROSKA_ELEMENTS.get(parent)?.kind === "master",
      name,
    );
  }
});

test("MatroskaId has IDs with the length marker of as many bytes as they have", () => {
  for (const id of Object.values<number>(MatroskaId)) {
    const size = Math.ceil(id.toString(16).length / 2);
    assertEquals(Math.clz32(id) - 8 * (4 - size), size - 1, id.toString(16));
  }
});
