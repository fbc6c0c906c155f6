import { assertEquals } from "@std/assert";
import test from "node:test";
import { guarded, Listeners } from "../../adapters/listeners.ts";
import { thrownLater } from "./thrown_later.ts";

interface Events {
  readonly number: number;
  readonly text: string;
}

test("Listeners tell those of the type, in the order in which they came", () => {
  const listeners = new Listeners<Events>();
  const told: unknown[] = [];
  listeners.on("number", (event) => told.push(["first", event]));
  listeners.on("text", (event) => told.push(["text", event]));
  listeners.on("number", (event) => told.push(["second", event]));
  listeners.emit("number", 0);
  listeners.emit("text", "");
  assertEquals(told, [["first", 0], ["second", 0], ["text", ""]]);
});

test("Listeners.on() gives back what ends the listening, which may be called again", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  const off = listeners.on("number", () => told.push("a"));
  listeners.on("number", () => told.push("b"));
  off();
  off();
  listeners.emit("number", 1);
  assertEquals(told, ["b"]);
});

test("Listeners.has() tells whether somebody listens to a type", () => {
  const listeners = new Listeners<Events>();
  assertEquals([listeners.has("number"), listeners.has("text")], [false, false]);
  const off = listeners.on("number", () => {});
  assertEquals([listeners.has("number"), listeners.has("text")], [true, false]);
  off();
  assertEquals(listeners.has("number"), false);
  listeners.emit("number", 1);
});

test("Listeners may come and go while they are told", () => {
  const listeners = new Listeners<Events>();
  const told: string[] = [];
  const off = listeners.on("number", () => {
    told.push("once");
    off();
    listeners.on("number", () => told.push("later"));
  });
  listeners.on("number", () => told.push("always"));
  for (let i = 0; i < 2; i++) listeners.emit("number", i);
  assertEquals(told, ["once", "always", "always", "later"]);
});

test("Listeners tell the others where one throws; its error is thrown later", async () => {
  const listeners = new Listeners<Events>();
  const told: unknown[] = [];
  const errors = await thrownLater(() => {
    listeners.on("number", () => {
      throw new Error("mine");
    });
    listeners.on("number", (event) => told.push(event));
    listeners.emit("number", 5);
    listeners.emit("number", 6);
  });
  assertEquals(told, [5, 6]);
  assertEquals(errors.map((error) => (error as Error).message), ["mine", "mine"]);
});

test("guarded() calls once, at once, and throws later whatever was thrown", async () => {
  for (const reason of [new Error("x"), "text", undefined, null]) {
    let calls = 0;
    const errors = await thrownLater(() => {
      guarded(() => {
        calls++;
        throw reason;
      });
      assertEquals(calls, 1);
    });
    assertEquals([calls, errors], [1, [reason]]);
  }
  assertEquals(await thrownLater(() => guarded(() => {})), []);
});
