import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  RECOVERY_COUNT,
  RECOVERY_PATIENCE,
  RECOVERY_WINDOW,
  RecoveryGuard,
} from "../../../lib/dave/recovery_guard.ts";

function request(transitionId: number): { transitionId: number; reason: "commit" } {
  return { transitionId, reason: "commit" };
}

test("RecoveryGuard starts one recovery at a time, and the last one wanted", () => {
  const guard = new RecoveryGuard();
  assertEquals([guard.start(0), guard.next(0)], [undefined, undefined]);
  guard.request(request(1));
  assertEquals([guard.start(0), guard.next(0)], [request(1), undefined]);
  guard.request(request(2));
  guard.request(request(3));
  assertEquals(guard.start(RECOVERY_PATIENCE - 1), undefined);
  assertEquals(guard.next(1), RECOVERY_PATIENCE);
  assertEquals(guard.start(RECOVERY_PATIENCE), request(3));
});

test("settle() makes room for the next and forgets what is wanted", () => {
  const guard = new RecoveryGuard();
  guard.request(request(1));
  guard.start(0);
  guard.request(request(2));
  guard.settle();
  assertEquals([guard.start(RECOVERY_PATIENCE), guard.next(0)], [undefined, undefined]);
  guard.request(request(3));
  assertEquals(guard.start(1), request(3));
});

test("RecoveryGuard starts only so many in a window, also where each was settled", () => {
  const guard = new RecoveryGuard();
  for (let i = 0; i < RECOVERY_COUNT; i++) {
    guard.request(request(i));
    assertEquals(guard.start(i), request(i));
    guard.settle();
  }
  guard.request(request(9));
  assertEquals(guard.start(RECOVERY_WINDOW - 1), undefined);
  assertEquals(guard.next(RECOVERY_WINDOW - 1), RECOVERY_WINDOW);
  assertEquals(guard.start(RECOVERY_WINDOW), request(9));
});
