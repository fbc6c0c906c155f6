import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { pureFrameAead } from "../../../lib/dave/frames/gcm.ts";
import { MediaKeys } from "../../../lib/dave/media_keys.ts";
import { concat } from "../../../lib/dave/mls/bytes.ts";
import { Reader } from "../../../lib/dave/mls/codec.ts";
import { LocalProtocolError } from "../../../lib/errors.ts";

const OVERLAP = 10_000;

function secret(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

function keys(): MediaKeys {
  return new MediaKeys({ aead: pureFrameAead });
}

function seal(from: MediaKeys): Uint8Array {
  const into = new Uint8Array(32);
  return into.slice(0, from.sealFrame(Uint8Array.of(1), into));
}

function open(to: MediaKeys, frame: Uint8Array, now: number, userId = "1"): string {
  return to.openFrame(userId, frame, new Uint8Array(32), now) < 0 ? to.fault : to.form;
}

/** A nonce of one byte. */
function nonceOf(frame: Uint8Array): number {
  return frame.at(-4)!;
}

test("MediaKeys opens what the member seals, and erases the secrets that it was given", () => {
  const [a, b] = [keys(), keys()];
  const [own, known] = [secret(1), secret(1)];
  a.seal(1n, own);
  b.learn([["1", known]], 0);
  assertEquals([own, known], [secret(0), secret(0)]);
  assertEquals([open(b, seal(a), 0), open(b, seal(a), 0, "2")], ["sealed", "no-key"]);
});

test("MediaKeys seals with a newer epoch only, until it stops sealing", () => {
  const a = keys();
  a.seal(2n, secret(2));
  assertEquals(nonceOf(seal(a)), 1);
  a.seal(1n, secret(1));
  assertEquals(nonceOf(seal(a)), 2);
  a.seal(3n, secret(3));
  assertEquals(nonceOf(seal(a)), 1);
  a.stopSealing();
  assertEquals(a.ready(false), false);
  a.seal(1n, secret(1));
  assertEquals(a.ready(false), true);
});

test("MediaKeys seals on with the key of a group that was given up, until a new one or ten seconds", () => {
  const a = keys();
  a.seal(5n, secret(5));
  a.retireSealer(100);
  assertEquals([nonceOf(seal(a)), a.dueAt], [1, 101 + OVERLAP]);
  a.seal(1n, secret(1));
  a.expire(101 + OVERLAP);
  assertEquals([nonceOf(seal(a)), a.dueAt], [1, undefined]);
  a.retireSealer(200);
  a.retireSealer(300);
  a.expire(200 + OVERLAP);
  assertEquals(a.ready(false), true);
  a.expire(201 + OVERLAP);
  assertEquals(a.ready(false), false);
});

test("MediaKeys that gave its keys away goes on: epoch, times, plaintext, and who is heard", () => {
  const [a, b] = [keys(), keys()];
  b.seal(3n, secret(3));
  b.found(secret(4));
  b.learn([["1", secret(1)], ["2", secret(2)]], 0);
  b.retireUser("2", 0);
  b.acceptPlain(true, 0);
  b.acceptPlain(false, 0);
  b.retireSealer(100);
  a.seal(1n, secret(1));
  const [first, second] = [seal(a), seal(a)];
  assertEquals(open(b, first, 0), "sealed");
  const restored = MediaKeys.take(new Reader(concat(...b.encode(500, 0))), {}, 1000);
  assertEquals([restored.fault, restored.sendsPlain, restored.senderCount], ["no-key", false, 2]);
  assertEquals(restored.dueAt, 500 + 101 + OVERLAP);
  assertEquals([open(restored, first, 1000), open(restored, second, 1000)], ["replayed", "sealed"]);
  const plain = Uint8Array.of(1, 2);
  assertEquals(open(restored, plain, 499 + OVERLAP), "passthrough");
  assertEquals(open(restored, plain, 500 + OVERLAP), "unencrypted");
  assertEquals(open(restored, plain, 499 + OVERLAP, "9"), "passthrough");
  assertEquals(open(restored, plain, 500 + OVERLAP, "9"), "unencrypted");
  restored.expire(500 + 100 + OVERLAP);
  assertEquals(restored.ready(false), true);
  restored.expire(500 + 101 + OVERLAP);
  assertEquals([restored.ready(false), restored.ready(true)], [false, false]);
  assertThrows(() => seal(b), LocalProtocolError);
  const sealing = keys();
  sealing.seal(5n, secret(5));
  sealing.sendPlain(true);
  const again = MediaKeys.take(new Reader(concat(...sealing.encode(0, 0))), {}, 0);
  assertEquals([again.sendsPlain, again.dueAt], [true, 1 + OVERLAP]);
  again.sendPlain(false);
  again.seal(4n, secret(9));
  assertEquals(nonceOf(seal(again)), 1);
  again.seal(6n, secret(6));
  seal(again);
  assertEquals(nonceOf(seal(again)), 2);
});

test("MediaKeys seals nothing after stopSealing(), also for who is alone", () => {
  const a = keys();
  a.found(secret(8));
  a.stopSealing();
  assertEquals([a.ready(true), a.sealFrame(Uint8Array.of(1), new Uint8Array(64), "opus", true)], [
    false,
    -1,
  ]);
});

test("MediaKeys wants to be woken for a user who has left", () => {
  const b = keys();
  b.learn([["1", secret(1)]], 0);
  assertEquals(b.dueAt, undefined);
  b.retireUser("1", 50);
  assertEquals(b.dueAt, 51 + OVERLAP);
  b.expire(51 + OVERLAP);
  assertEquals([b.dueAt, b.senderCount], [undefined, 0]);
});

test("MediaKeys has a key for who is alone, while there is no other", () => {
  const a = keys();
  const founded = secret(8);
  a.found(founded);
  assertEquals([a.ready(false), a.ready(true), founded], [false, true, secret(0)]);
  const into = new Uint8Array(64);
  assertEquals(a.sealFrame(Uint8Array.of(1), into, "opus", false), -1);
  assertEquals(a.sealFrame(Uint8Array.of(1), into, "opus", true), 13);
  a.seal(1n, secret(1));
  a.stopSealing();
  assertEquals(a.ready(true), false);
});

test("a member who is not in the next epoch is heard for ten seconds, then erased", () => {
  const [a, b] = [keys(), keys()];
  a.seal(1n, secret(1));
  b.learn([["1", secret(1)]], 0);
  b.learn([["2", secret(2)]], 100);
  b.learn([["2", secret(3)]], 200);
  assertEquals(open(b, seal(a), 100 + OVERLAP), "sealed");
  b.expire(100 + OVERLAP);
  assertEquals(b.senderCount, 2);
  assertEquals(open(b, seal(a), 101 + OVERLAP), "no-key");
  b.expire(101 + OVERLAP);
  assertEquals(b.senderCount, 1);
});

test("a member who comes back is not heard with keys whose time was over", () => {
  const [a, b] = [keys(), keys()];
  a.seal(1n, secret(1));
  b.learn([["1", secret(1)]], 0);
  b.retireUser("1", 0);
  b.learn([["1", secret(2)]], OVERLAP + 1);
  assertEquals(open(b, seal(a), OVERLAP + 1), "bad-tag");
});

test("plaintext is let through for members and others alike, also for those who come later", () => {
  const b = keys();
  const plain = Uint8Array.of(1, 2);
  b.learn([["1", secret(1)]], 0);
  const all = (now: number) => ["1", "2", "3"].map((userId) => open(b, plain, now, userId));
  assertEquals(new Set(all(0)), new Set(["unencrypted"]));
  b.acceptPlain(true, 0);
  b.learn([["1", secret(2)], ["2", secret(3)]], 0);
  assertEquals(new Set(all(1e6)), new Set(["passthrough"]));
  b.acceptPlain(false, 1e6);
  b.learn([["1", secret(4)], ["2", secret(5)], ["3", secret(6)]], 1e6 + 1);
  assertEquals(new Set(all(1e6 + OVERLAP - 1)), new Set(["passthrough"]));
  assertEquals(new Set(all(1e6 + OVERLAP)), new Set(["unencrypted"]));
});

test("erase() takes all keys away", () => {
  const [a, b] = [keys(), keys()];
  a.seal(1n, secret(1));
  b.learn([["1", secret(1)]], 0);
  const frame = seal(a);
  a.erase();
  b.erase();
  assertEquals([a.ready(true), b.senderCount, open(b, frame, 0)], [false, 0, "no-key"]);
});
