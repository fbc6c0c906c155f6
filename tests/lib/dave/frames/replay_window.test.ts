// Invariant: a nonce is accepted at most once, whatever order they come in.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { MISSING_LIMIT, ReplayWindow } from "../../../../lib/dave/frames/replay_window.ts";
import { seededRandom } from "../../../tools/vectors.ts";

function windowAfter(...nonces: number[]): ReplayWindow {
  const window = new ReplayWindow();
  for (const nonce of nonces) {
    assert(window.accepts(nonce), `nonce ${nonce}`);
    window.spend(nonce);
  }
  return window;
}

function accepted(window: ReplayWindow, nonces: readonly number[]): number[] {
  return nonces.filter((nonce) => window.accepts(nonce));
}

test("ReplayWindow accepts each nonce once, as libdave's CryptorManagerNoReprocess", () => {
  const window = windowAfter(0, 1, 2, 5, 7);
  assertEquals(accepted(window, [0, 1, 2, 3, 4, 5, 6, 7, 8]), [3, 4, 6, 8]);
  window.spend(4);
  assertEquals(accepted(window, [3, 4, 6]), [3, 6]);
  window.spend(6);
  assertEquals(accepted(window, [3, 6]), [3]);
  window.spend(10 + MISSING_LIMIT);
  assertEquals(accepted(window, [3, 7, 8, 9, 10, 11]), [10, 11]);
});

test("ReplayWindow accepts what was sent before the first that came", () => {
  const window = windowAfter(5);
  assertEquals(accepted(window, [0, 1, 2, 3, 4, 5]), [0, 1, 2, 3, 4]);
  window.spend(0);
  assertEquals(window.accepts(0), false);
});

test("ReplayWindow remembers 1000 missing nonces and not one more", () => {
  const window = windowAfter(0, 1001);
  assertEquals(window.missingCount, 1000);
  assertEquals(accepted(window, [1, 1000]), [1, 1000]);
  window.spend(1003);
  assertEquals(window.missingCount, 1000);
  assertEquals(accepted(window, [1, 2, 1002]), [2, 1002]);
  window.spend(2);
  assertEquals(window.missingCount, 999);
  window.spend(2 ** 40);
  assertEquals(window.missingCount, 1000);
  assertEquals(accepted(window, [1002, 2 ** 40 - 1001, 2 ** 40 - 1000]), [2 ** 40 - 1000]);
});

test("ReplayWindow.accepts() changes nothing", () => {
  const window = windowAfter(3);
  for (const nonce of [0, 1, 2, 3, 4, 1000]) window.accepts(nonce);
  assertEquals([window.missingCount, accepted(window, [0, 3, 4])], [3, [0, 4]]);
});

test("ReplayWindow agrees with a list of all nonces", () => {
  const random = seededRandom(9);
  const window = new ReplayWindow();
  const seen = new Set<number>();
  const missing: number[] = [];
  let highest = -1;
  for (let round = 0; round < 20_000; round++) {
    const ahead = random() % 50 === 0 ? random() % 1500 : random() % 4;
    const nonce = Math.max(0, random() % 3 === 0 ? highest + ahead : highest - random() % 1200);
    const wanted = nonce > highest || missing.includes(nonce);
    assertEquals(window.accepts(nonce), wanted);
    if (!wanted) continue;
    assert(!seen.has(nonce));
    seen.add(nonce);
    window.spend(nonce);
    if (nonce > highest) {
      for (let lost = highest + 1; lost < nonce; lost++) missing.push(lost);
      missing.splice(0, Math.max(0, missing.length - MISSING_LIMIT));
      highest = nonce;
    } else missing.splice(missing.indexOf(nonce), 1);
    assertEquals(window.missingCount, missing.length);
  }
});
