import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  PENDING_LIMIT,
  type PendingTransition,
  PendingTransitions,
} from "../../../lib/dave/pending.ts";

function entry(epoch: bigint, version = 1): PendingTransition & { secret: Uint8Array } {
  return { version, epoch, secret: Uint8Array.of(7) };
}

const NO_EPOCH = { epoch: undefined, secret: undefined };

test("PendingTransitions gives each transition away once", () => {
  const pending = new PendingTransitions();
  const one = entry(1n);
  pending.prepare(5, one);
  pending.prepare(6, entry(2n));
  assertEquals(pending.size, 2);
  assertEquals(pending.take(5), one);
  assertEquals([pending.take(5), pending.size], [undefined, 1]);
});

test("PendingTransitions keeps the epoch where only the version is prepared again", () => {
  const pending = new PendingTransitions();
  const one = entry(1n);
  pending.prepare(5, one);
  pending.prepare(5, { version: 0, ...NO_EPOCH });
  assertEquals(pending.take(5), { ...one, version: 0 });
  pending.prepare(5, one);
  pending.prepare(5, entry(2n));
  assertEquals([pending.size, one.secret[0]], [1, 0]);
  assertEquals(pending.take(5)?.epoch, 2n);
});

test("PendingTransitions forgets the oldest of too many and erases its secret", () => {
  const pending = new PendingTransitions();
  const entries = Array.from({ length: PENDING_LIMIT + 1 }, (_, id) => entry(BigInt(id)));
  for (const [id, one] of entries.entries()) pending.prepare(id, one);
  assertEquals(pending.size, PENDING_LIMIT);
  assertEquals(entries.map(({ secret }) => secret[0]), [0, ...Array(PENDING_LIMIT).fill(7)]);
  pending.prepare(PENDING_LIMIT, entry(99n));
  assertEquals([pending.size, pending.take(1)?.epoch], [PENDING_LIMIT, 1n]);
});

test("dropEpochs() keeps downgrades, clear() nothing, and both erase the secrets", () => {
  const pending = new PendingTransitions();
  const [one, two] = [entry(1n), entry(2n, 0)];
  pending.prepare(1, one);
  pending.prepare(2, two);
  pending.prepare(3, { version: 1, ...NO_EPOCH });
  pending.dropEpochs(false);
  assertEquals([pending.size, one.secret[0], two.secret[0]], [1, 0, 7]);
  pending.clear();
  assertEquals([pending.size, two.secret[0]], [0, 0]);
});
