import { assertEquals } from "@std/assert";
import test from "node:test";
import { nobleFrameAead } from "../../../lib/dave/frames/gcm.ts";
import { MediaKeys } from "../../../lib/dave/media_keys.ts";

const OVERLAP = 10_000;

function secret(fill: number): Uint8Array {
  return new Uint8Array(16).fill(fill);
}

function keys(): MediaKeys {
  return new MediaKeys({ aead: nobleFrameAead });
}

function seal(from: MediaKeys): Uint8Array {
  const into = new Uint8Array(32);
  return into.slice(0, from.sealFrame(Uint8Array.of(1), into));
}

function open(to: MediaKeys, frame: Uint8Array, now: number, userId = "1"): string {
  return to.openFrame(userId, frame, new Uint8Array(32), now) < 0 ? to.fault : to.form;
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
  seal(a);
  a.seal(1n, secret(1));
  assertEquals(a.sealer.nonce, 1);
  a.seal(3n, secret(3));
  assertEquals(a.sealer.nonce, 0);
  a.stopSealing();
  assertEquals(a.sealer.ready, false);
  a.seal(1n, secret(1));
  assertEquals(a.sealer.ready, true);
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
  assertEquals([a.sealer.ready, b.senderCount, open(b, frame, 0)], [false, 0, "no-key"]);
});
