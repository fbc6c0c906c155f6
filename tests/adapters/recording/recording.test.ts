import { assertEquals, assertRejects } from "@std/assert";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk } from "../../../adapters/recording/disk.ts";
import { MixFormat, WavFormat } from "../../../adapters/recording/formats.ts";
import { MAX_RECORDED_USERS, Recorder } from "../../../adapters/recording/recording.ts";
import { FakeCall, temporaryFolder } from "./fixtures.ts";

const SECOND = 48_000;

/** A disk that is full after some bytes. */
class SmallDisk extends Disk {
  #room: number;

  constructor(room: number) {
    super();
    this.#room = room;
  }

  override write(path: string, bytes: Uint8Array, position: number): Promise<void> {
    this.#room -= bytes.length;
    if (this.#room < 0) return Promise.reject(new Error("ENOSPC: no space left on device"));
    return super.write(path, bytes, position);
  }
}

test("Recorder ends as soon as the disk is full, with the reason, and listens no longer", async () => {
  using folder = temporaryFolder();
  const disk = new SmallDisk(3.5 * 4 * SECOND);
  const call = new FakeCall();
  const recorder = new Recorder(call, disk, new WavFormat(disk, folder.path));
  const [bob, carol] = [call.join("1"), call.join("2")];
  call.position = 10 * SECOND;
  bob.hold(0, 8 * SECOND, 1);
  carol.hold(0, SECOND, 1);
  await assertRejects(() => recorder.finished, Error, "ENOSPC");
  assertEquals(call.isRead, false);
  assertEquals([bob.frames.isOpen, carol.frames.isOpen], [false, false]);
  await assertRejects(() => recorder.stop(), Error, "ENOSPC");
  await disk.close();
  assertEquals([disk.openCount, readdirSync(folder.path).toSorted()], [0, ["1.wav", "2.wav"]]);
});

test("Recorder has a bound of users, and counts those beyond it", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const call = new FakeCall();
  const file = join(folder.path, "mix.wav");
  const recorder = new Recorder(call, disk, new MixFormat(disk, file, () => call.position));
  for (let i = 0; i < MAX_RECORDED_USERS + 3; i++) call.join(`${i}`);
  call.join(`${MAX_RECORDED_USERS + 1}`);
  call.join("0");
  call.end();
  const { users, usersLeftOut } = await recorder.finished;
  assertEquals([users.length, usersLeftOut], [MAX_RECORDED_USERS, 3]);
});

test("Recorder adds up what was counted while a user was there more than once", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const call = new FakeCall();
  const recorder = new Recorder(call, disk, new WavFormat(disk, folder.path));
  const before = call.join("1");
  Object.assign(before.stats, { received: 10, lost: 2, undecodable: 1 });
  before.end();
  const again = call.join("1");
  Object.assign(again.stats, { received: 5, lost: 1, undecodable: 1 });
  again.hold(0, 960, 1);
  while (recorder.users[0]?.spoken !== 0.02) await new Promise((resolve) => setTimeout(resolve));
  const counts = () => {
    const [{ packetsReceived, lost, undecodable }] = recorder.users;
    return [packetsReceived, lost, undecodable];
  };
  assertEquals(counts(), [15, 3, 2]);
  again.stats.received = 6;
  assertEquals(counts(), [16, 3, 2]);
  call.end();
  await recorder.finished;
  again.stats.received = 7;
  assertEquals(counts(), [16, 3, 2]);
});
