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

test("Grid knows only the clock of now: one that went back, even below zero, has its instants too", () => {
  const grid = new Grid();
  const phase = grid.next(1000) - 1000;
  for (const at of [60_007.3, 993.1, 0.4, -0.4, -60_007.3]) {
    const [next, last] = [grid.next(at), grid.last(at)];
    assertEquals([next >= at, next - at < 20, last <= at, next - last], [true, true, true, 20]);
    assertEquals([(next - phase) % 20 + 0, grid.next(next), grid.last(next)], [0, next, next]);
  }
});
