import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Grid } from "../../../adapters/player/grid.ts";

test("Grid.next() and last() are instants 20 ms apart, at most one period away", () => {
  for (const grid of Array.from({ length: 5 }, () => new Grid())) {
    const first = grid.next(1000);
    for (const offset of [0, 20, 20_000_000]) {
      assertEquals([grid.next(first + offset), grid.last(first + offset)], [
        first + offset,
        first + offset,
      ]);
    }
    assertEquals(grid.next(first + 0.001), first + 20);
    assertEquals(grid.last(first + 19.999), first);
  }
});

test("Grid spreads players evenly over four instants, 5 ms apart", () => {
  const phases = Array.from({ length: 8 }, () => new Grid().next(1000) % 20);
  assertEquals(phases.toSorted((a, b) => a - b), [0, 0, 5, 5, 10, 10, 15, 15]);
});
