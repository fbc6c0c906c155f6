import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { EventEmitter } from "node:events";
import test from "node:test";
import { entersState } from "../../../adapters/discordjs/enters_state.ts";

class Light extends EventEmitter {
  state: { status: "red" | "green" } = { status: "red" };

  turn(status: "red" | "green"): void {
    this.state = { status };
    this.emit(status);
  }
}

test("entersState() resolves with the target, at once or when the state comes", async () => {
  const light = new Light();
  assertStrictEquals(await entersState(light, "red", 1000), light);
  const green = entersState(light, "green", 1000);
  light.turn("green");
  assertStrictEquals(await green, light);
});

test("entersState() rejects with AbortError in time, by number and by signal", async () => {
  const light = new Light();
  const controller = new AbortController();
  const waits = [5, controller.signal].map((limit) =>
    assertRejects(() => entersState(light, "green", limit))
  );
  controller.abort();
  for (const error of await Promise.all(waits)) {
    assertEquals((error as Error).name, "AbortError");
  }
  assertEquals(light.eventNames(), []);
});

test("entersState() rejects with an error of the target", async () => {
  const light = new Light();
  const waiting = entersState(light, "green", 1000);
  light.emit("error", new Error("broken"));
  await assertRejects(() => waiting, Error, "broken");
});
