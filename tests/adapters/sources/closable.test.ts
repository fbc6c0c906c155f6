import { assertEquals, assertRejects } from "@std/assert";
import { abortable } from "@std/async";
import test from "node:test";
import { closable } from "../../../adapters/sources/closable.ts";
import { within } from "../../tools/waiting.ts";

const LIMIT = 10_000;

/** Gives one number, then waits for ever. */
function stalled(log: string[], signal?: AbortSignal): AsyncIterableIterator<number, void> {
  return closable(async function* (closing) {
    try {
      yield 1;
      await abortable(new Promise<never>(() => {}), closing);
    } finally {
      await Promise.resolve();
      log.push("cleaned up");
    }
  }, signal);
}

test(
  "closable() can be closed while it waits, and has cleaned up then",
  within(LIMIT, async () => {
    const log: string[] = [];
    const numbers = stalled(log);
    assertEquals(await numbers.next(), { done: false, value: 1 });
    const next = numbers.next().catch((error) => log.push(error.name));
    assertEquals(await numbers.return!(), { done: true, value: undefined });
    await next;
    assertEquals(log.sort(), ["AbortError", "cleaned up"]);
    assertEquals(await numbers.next(), { done: true, value: undefined });
  }),
);

test(
  "closable() rejects with the reason of a signal",
  within(LIMIT, async () => {
    const log: string[] = [];
    const outer = new AbortController();
    const numbers = stalled(log, outer.signal);
    await numbers.next();
    const next = numbers.next();
    outer.abort(new Error("enough"));
    await assertRejects(() => next, Error, "enough");
    assertEquals(log, ["cleaned up"]);
  }),
);

test(
  "closable() that never began is closed without beginning",
  within(LIMIT, async () => {
    const log: string[] = [];
    const numbers = stalled(log);
    await numbers.return!();
    assertEquals([await numbers.next(), log], [{ done: true, value: undefined }, []]);
  }),
);

test(
  "closable() does not tell whoever closes it what the cleaning up threw",
  within(LIMIT, async () => {
    const numbers = closable(async function* () {
      try {
        yield await Promise.resolve(1);
      } finally {
        await Promise.reject(new Error("cannot clean up"));
      }
    });
    await numbers.next();
    assertEquals(await numbers.return!(), { done: true, value: undefined });
  }),
);
