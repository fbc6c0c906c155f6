import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { playerLine } from "../../examples/player_view.ts";

test("playerLine draws a bar where the length is known", () => {
  const line = (position: number, duration: number | undefined) =>
    playerLine({ position, duration, state: "playing" });
  assertEquals(line(65_400, 130_800), `${"█".repeat(15)}${"░".repeat(15)}  1:05 / 2:10  playing`);
  assertEquals(line(0, 0), `${"░".repeat(30)}  0:00 / 0:00  playing`);
  assertEquals(line(5_000, 1_000), `${"█".repeat(30)}  0:05 / 0:01  playing`);
  assertEquals(line(5_000, undefined), "0:05  playing");
});
