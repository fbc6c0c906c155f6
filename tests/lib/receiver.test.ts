import { assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { PacketPool } from "../../lib/packet_pool.ts";
import { copyFrame, type ReceivedFrame } from "../../lib/received_frame.ts";
import { HOLD_LIMIT, HOLD_TIME, READY_LIMIT, Receiver } from "../../lib/receiver.ts";
import type { OpenFrameFault } from "../../lib/end_to_end.ts";
import { RtpHeader } from "../../lib/rtp_header.ts";
import { HEARD_USER_LIMIT } from "../../lib/streams.ts";

function setup() {
  const users = new Map<number, string>();
  const receiver = new Receiver((ssrc) => users.get(ssrc));
  const push = (ssrc: number, sequence: number, now: number) => {
    const header = Object.assign(new RtpHeader(), { ssrc, sequence, timestamp: 960 * sequence });
    receiver.push(header, Uint8Array.of(sequence), now);
  };
  const pullAll = () => {
    const frames: ReceivedFrame[] = [];
    for (let frame; (frame = receiver.pull()) !== undefined;) frames.push(frame);
    return frames;
  };
  const sequences = () => pullAll().map(({ sequence }) => sequence);
  return { users, receiver, push, pullAll, sequences };
}

test("Receiver hands out the frame of a known user at once, with all that is known of it", () => {
  const { users, receiver, push, pullAll } = setup();
  users.set(7, "a");
  push(7, 3, 12.5);
  assertEquals(receiver.held, 0);
  assertEquals(pullAll(), [
    { userId: "a", ssrc: 7, sequence: 3, timestamp: 2880, at: 12.5, opus: Uint8Array.of(3) },
  ]);
  assertEquals(receiver.pull(), undefined);
});

test("Receiver copies the payload of a known user, too", () => {
  const { users, receiver, pullAll } = setup();
  users.set(7, "a");
  const payload = Uint8Array.of(1, 2);
  receiver.push(Object.assign(new RtpHeader(), { ssrc: 7 }), payload, 0);
  payload.fill(9);
  assertEquals(pullAll().map(({ opus }) => opus), [Uint8Array.of(1, 2)]);
});

test("Receiver copies the payload and the header", () => {
  const { users, receiver, pullAll } = setup();
  const header = new RtpHeader();
  const payload = Uint8Array.of(1, 2);
  header.ssrc = 7;
  receiver.push(header, payload, 0);
  payload.fill(9);
  header.sequence = 99;
  users.set(7, "a");
  receiver.release(0);
  const [{ opus, sequence }] = pullAll();
  assertEquals([opus, sequence], [Uint8Array.of(1, 2), 0]);
});

test("Receiver holds frames of an unknown SSRC and hands them out in order", () => {
  const { users, receiver, push, sequences } = setup();
  for (let i = 0; i < 3; i++) push(7, i, i);
  push(8, 50, 3);
  assertEquals([receiver.held, sequences()], [4, []]);
  users.set(7, "a");
  receiver.release(10);
  assertEquals([receiver.held, sequences()], [1, [0, 1, 2]]);
  users.set(8, "b");
  receiver.release(11);
  assertEquals([receiver.held, sequences()], [0, [50]]);
  assertEquals(receiver.expired, 0);
});

test("Receiver keeps the order where a frame overtakes release()", () => {
  const { users, receiver, push, sequences } = setup();
  push(7, 1, 0);
  users.set(7, "a");
  push(7, 2, 20);
  receiver.release(20);
  assertEquals(sequences(), [1, 2]);
});

test("Receiver keeps a frame for two seconds and not longer", () => {
  const { users, receiver, push, sequences } = setup();
  push(7, 1, 0);
  push(7, 2, 1);
  users.set(7, "a");
  receiver.release(HOLD_TIME + 1);
  assertEquals([sequences(), receiver.expired, receiver.held], [[2], 1, 0]);
});

test("Receiver drops what is too old with the next frame, and counts it, twice", () => {
  const { receiver, push } = setup();
  push(7, 1, 0);
  push(7, 2, HOLD_TIME + 1);
  assertEquals([receiver.held, receiver.expired], [1, 1]);
  push(7, 3, 2 * HOLD_TIME + 2);
  assertEquals([receiver.held, receiver.expired], [1, 2]);
});

test("Receiver drops the oldest frames beyond the bound, and counts them", () => {
  const { users, receiver, push, sequences } = setup();
  for (let i = 0; i < HOLD_LIMIT + 2; i++) push(7, i, i / 1000);
  assertEquals([receiver.held, receiver.expired], [HOLD_LIMIT, 2]);
  users.set(7, "a");
  receiver.release(1);
  const released = sequences();
  assertEquals([released.length, released[0], released.at(-1)], [HOLD_LIMIT, 2, HOLD_LIMIT + 1]);
});

test("Receiver is bounded in the frames that nobody pulls, and counts the rest, twice", () => {
  const { users, receiver, push } = setup();
  users.set(7, "a");
  for (let i = 0; i < READY_LIMIT + 2; i++) push(7, i, i);
  assertEquals(receiver.overflowed, 2);
  assertEquals(receiver.pull()?.sequence, 2);
});

test("Receiver.clear() drops what is held, and counts it", () => {
  const { users, receiver, push, sequences } = setup();
  push(7, 1, 0);
  push(7, 2, 1);
  receiver.clear();
  users.set(7, "a");
  receiver.release(2);
  assertEquals([receiver.held, receiver.expired, sequences()], [0, 2, []]);
});

/** What opens frames of one byte whose key is known: the first byte is the key. */
function opening(keys: Set<number>) {
  return {
    keyCount: 0,
    openFault: "no-key" as OpenFrameFault,
    open(userId: string, frame: Uint8Array, into: Uint8Array): number {
      assertEquals([userId, into.length >= frame.length], ["a", true]);
      const faults: Record<number, OpenFrameFault> = {
        97: "unencrypted",
        98: "bad-tag",
        99: "replayed",
      };
      this.openFault = faults[frame[0]] ?? "no-key";
      if (!keys.has(frame[0])) return -1;
      into.set(frame.subarray(1));
      return frame.length - 1;
    },
  };
}

function encrypted() {
  const keys = new Set<number>();
  const users = new Map([[7, "a"]]);
  const dave = opening(keys);
  const receiver = new Receiver((ssrc) => users.get(ssrc), () => dave);
  const push = (now: number, ...frame: number[]) => {
    receiver.push(Object.assign(new RtpHeader(), { ssrc: 7 }), Uint8Array.from(frame), now);
  };
  const pullAll = () => {
    const frames: number[][] = [];
    for (let frame; (frame = receiver.pull()) !== undefined;) frames.push([...frame.opus]);
    return frames;
  };
  /** A key is learned. */
  const learn = (key: number) => {
    keys.add(key);
    dave.keyCount++;
  };
  return { users, receiver, push, pullAll, learn };
}

test("Receiver hands out decrypted frames, and drops with its reason what no key will open", () => {
  const { receiver, push, pullAll, learn } = encrypted();
  learn(1);
  push(0, 1, 10, 11);
  push(0, 99, 1);
  push(0, 99, 1);
  push(0, 97, 1);
  push(0, 1);
  assertEquals(pullAll(), [[10, 11]]);
  assertEquals([receiver.undecryptable, receiver.held], [
    { replayed: 2, unencrypted: 1, empty: 1 },
    0,
  ]);
});

test("Receiver holds frames until their key is learned, and hands them out in order", () => {
  const { receiver, push, pullAll, learn } = encrypted();
  push(0, 2, 10);
  push(1, 2, 11);
  push(2, 98, 12);
  receiver.release(3);
  assertEquals([receiver.held, pullAll()], [3, []]);
  learn(2);
  push(4, 2, 13);
  assertEquals([receiver.held, pullAll()], [1, [[10], [11], [13]]]);
  assertEquals(receiver.undecryptable, {});
  receiver.release(HOLD_TIME + 3);
  assertEquals([receiver.held, receiver.undecryptable], [0, { "bad-tag": 1 }]);
  assertEquals(receiver.expired, 0);
});

test("Receiver tries a held frame again only where a key was learned", () => {
  const { users, receiver, push, learn } = encrypted();
  let opened = 0;
  const dave = { keyCount: 0, openFault: "no-key" as const, open: () => (opened++, -1) };
  const counted = new Receiver((ssrc) => users.get(ssrc), () => dave);
  for (let i = 0; i < 5; i++) counted.push(new RtpHeader(), Uint8Array.of(1), 0);
  assertEquals(opened, 0);
  users.set(0, "a");
  counted.release(0);
  assertEquals(opened, 5);
  for (let i = 0; i < 9; i++) counted.release(0);
  assertEquals(opened, 5);
  dave.keyCount++;
  counted.release(0);
  assertEquals(opened, 10);
  push(0, 5);
  learn(6);
  receiver.clear();
  assertEquals([receiver.held, receiver.undecryptable], [0, { "no-key": 1 }]);
});

test("Receiver.framesOf() counts what was held and dropped of each user, and outlives them", () => {
  const users = new Map([[7, "a"], [8, "b"]]);
  const dave = { keyCount: 1, openFault: "no-key" as OpenFrameFault, open: () => -1 };
  const receiver = new Receiver((ssrc) => users.get(ssrc), () => dave);
  const push = (ssrc: number, fault: OpenFrameFault) => {
    dave.openFault = fault;
    receiver.push(Object.assign(new RtpHeader(), { ssrc }), Uint8Array.of(1), 0);
  };
  for (const fault of ["no-key", "bad-tag", "replayed", "replayed"] as const) push(7, fault);
  push(8, "unencrypted");
  push(9, "no-key");
  assertEquals(receiver.framesOf("a"), { held: 2, undecryptable: { replayed: 2 } });
  assertEquals(receiver.framesOf("b"), { held: 0, undecryptable: { unencrypted: 1 } });
  assertEquals(receiver.framesOf("nobody"), { held: 0, undecryptable: {} });
  users.clear();
  receiver.clear();
  const undecryptable = { "no-key": 1, "bad-tag": 1, replayed: 2 };
  assertEquals(receiver.framesOf("a"), { held: 0, undecryptable });
  assertEquals(receiver.expired, 1);
});

test("Receiver remembers a bounded number of users", () => {
  const dave = { keyCount: 0, openFault: "replayed" as const, open: () => -1 };
  const receiver = new Receiver((ssrc) => `${ssrc}`, () => dave);
  for (let ssrc = 0; ssrc <= HEARD_USER_LIMIT; ssrc++) {
    receiver.push(Object.assign(new RtpHeader(), { ssrc }), Uint8Array.of(1), 0);
  }
  const counts = [0, 1, HEARD_USER_LIMIT].map((ssrc) => receiver.framesOf(`${ssrc}`).undecryptable);
  assertEquals(counts, [{}, { replayed: 1 }, { replayed: 1 }]);
});

test("Receiver holds frames of unknown users and unknown keys in one bound", () => {
  const { users, receiver, push } = encrypted();
  for (let i = 0; i < HOLD_LIMIT; i++) push(0, 3);
  assertEquals([receiver.held, receiver.undecryptable], [HOLD_LIMIT, {}]);
  users.delete(7);
  push(0, 3);
  push(0, 3);
  assertEquals([receiver.held, receiver.undecryptable], [HOLD_LIMIT, { "no-key": 2 }]);
});

test("Receiver.take() lends the frame that is next, and has pull() give what waits behind others", () => {
  const { users, receiver, push, sequences } = setup();
  const slot = new PacketPool().take(100);
  const header = Object.assign(new RtpHeader(), { ssrc: 7, sequence: 4, timestamp: 2 ** 32 - 1 });
  users.set(7, "a");
  const opus = Uint8Array.of(1);
  const frame = receiver.take(header, "a", opus, 1.5, slot);
  assertStrictEquals(frame, slot);
  assertStrictEquals(slot.opus, opus);
  assertEquals(copyFrame(slot), {
    userId: "a",
    ssrc: 7,
    sequence: 4,
    timestamp: 2 ** 32 - 1,
    at: 1.5,
    opus: Uint8Array.of(1),
  });
  assertEquals(receiver.pull(), undefined);
  push(7, 5, 2);
  assertEquals(
    receiver.take(Object.assign(header, { sequence: 6 }), "a", opus, 3, slot),
    undefined,
  );
  opus.fill(9);
  assertEquals(sequences(), [5, 6]);
});
