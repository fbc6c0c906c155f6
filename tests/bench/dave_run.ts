/**
 * Measures on the runtime that runs it, and prints one JSON line. `dave.ts` starts it.
 *
 * A round of group operations is a call of its own: its founder adds the one who is measured
 * and all others at once, then both take one more member in and remove it again. The tree has no
 * inner nodes then, so that a commit that removes anybody is encrypted to every other member.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import process from "node:process";
import { nativeMlsCrypto } from "../../adapters/native_mls.ts";
import { encodeAppend, ExternalSender, type SentProposal } from "../../lib/dave/mls/mod.ts";
import { encodeId } from "../../lib/dave/user_id.ts";
import { currentRuntime } from "../../examples/demo/runtimes.ts";
import { installPeer } from "../peers/install.ts";
import { type Medians, Stopwatch } from "./rounds.ts";
import { type BenchMember, CHANNEL, type Subject, subjects } from "./dave_subjects.ts";

/** What one runtime prints. */
export interface RunResult {
  /** The runtime's version. */
  readonly version: string;
  /** Medians in microseconds by operation, by subject. */
  readonly subjects: Readonly<Record<string, Medians>>;
}

/** Sizes of a call, and how many rounds each is measured. */
const SIZES = [[2, 40], [10, 30], [50, 15]] as const;
const FRAME_ROUNDS = 30;
const FRAMES_A_ROUND = 1000;
const FRAME_SIZE = 160;
const WARM_UP = 0.3;

const [FOUNDER, MEASURED, GUEST] = ["1", "2", "3"];
const FIRST_OTHER = 4;

/** What was measured of one subject. */
interface Entry {
  readonly subject: Subject;
  readonly watch: Stopwatch;
}

/** Calls of members who are all made here, with the gateway's half. */
class Stage {
  readonly #sender = new ExternalSender(nativeMlsCrypto);
  readonly #groupId = encodeId(CHANNEL);
  readonly #founders: Subject;
  readonly #others: readonly Uint8Array[];
  readonly #guest: Uint8Array;

  constructor(founders: Subject, largest: number) {
    this.#founders = founders;
    this.#guest = this.member(founders, GUEST).keyPackage();
    this.#others = Array.from(
      { length: largest - 2 },
      (_, i) => this.member(founders, String(FIRST_OTHER + i)).keyPackage(),
    );
  }

  member(subject: Subject, userId: string): BenchMember {
    return subject.member(userId, this.#sender.bytes);
  }

  /** One call of so many members. */
  run({ subject, watch }: Entry, size: number): void {
    const founder = this.member(this.#founders, FOUNDER);
    const member = this.member(subject, MEASURED);
    const keyPackage = watch.time("key package", () => member.keyPackage());
    const joining = [keyPackage, ...this.#others.slice(0, size - 2)];
    const first = founder.propose(append(joining.map((own) => this.#add(0n, own))));
    founder.accept(Buffer.from(first.commit));
    const welcome = Buffer.from(first.welcome!);
    watch.time(`welcome, ${size}`, () => member.join(welcome));

    const add = ["add", this.#add(1n, this.#guest)] as const;
    const remove = ["remove", this.#remove(2n, size)] as const;
    for (const [kind, proposal] of [add, remove]) {
      const body = append([proposal]);
      watch.time(`commit ${kind}, ${size}`, () => member.propose(body));
      const commit = Buffer.from(founder.propose(body).commit);
      founder.accept(commit);
      watch.time(`process ${kind}, ${size}`, () => member.accept(commit));
    }
  }

  /** Two members who hear each other. */
  pair(subject: Subject): { from: BenchMember; to: BenchMember } {
    const [from, to] = [this.member(subject, FOUNDER), this.member(subject, MEASURED)];
    const { commit, welcome } = from.propose(append([this.#add(0n, to.keyPackage())]));
    from.accept(Buffer.from(commit));
    to.join(Buffer.from(welcome!));
    return { from, to };
  }

  #add(epoch: bigint, keyPackage: Uint8Array): SentProposal {
    return this.#sender.add(this.#groupId, epoch, keyPackage);
  }

  #remove(epoch: bigint, leafIndex: number): SentProposal {
    return this.#sender.remove(this.#groupId, epoch, leafIndex);
  }
}

function append(proposals: readonly SentProposal[]): Buffer {
  return Buffer.from(encodeAppend(proposals.map(({ message }) => message)));
}

/** Rounds of all subjects in turn, after some that do not count. */
function inRounds(entries: readonly Entry[], rounds: number, run: (entry: Entry) => void): void {
  const warmUp = Math.ceil(WARM_UP * rounds);
  for (let round = -warmUp; round < rounds; round++) {
    for (const { subject, watch } of entries) {
      run({ subject, watch: round < 0 ? new Stopwatch() : watch });
    }
  }
}

function measureFrames(stage: Stage, entries: readonly Entry[]): void {
  const frame = Buffer.from(Uint8Array.from({ length: FRAME_SIZE }, (_, i) => 7 * i));
  const pairs = new Map(entries.map(({ subject }) => [subject, stage.pair(subject)]));
  inRounds(entries, FRAME_ROUNDS, ({ subject, watch }) => {
    const { from, to } = pairs.get(subject)!;
    const sealed: Buffer[] = [];
    watch.time("seal", () => {
      for (let i = 0; i < FRAMES_A_ROUND; i++) sealed.push(asBuffer(from.seal(frame)));
    }, FRAMES_A_ROUND);
    const sizes = watch.time("open", () => {
      let sum = 0;
      for (const one of sealed) sum += to.open(FOUNDER, one).length;
      return sum;
    }, FRAMES_A_ROUND);
    assertEquals(sizes, FRAME_SIZE * FRAMES_A_ROUND);
    assertEquals(Buffer.from(to.open(FOUNDER, asBuffer(from.seal(frame)))), frame);
  });
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
}

const entries = subjects(await installPeer("davey"))
  .map((subject) => ({ subject, watch: new Stopwatch() }));
const founders = entries.find(({ subject }) => subject.name === "native")!.subject;
const stage = new Stage(founders, Math.max(...SIZES.map(([size]) => size)));
measureFrames(stage, entries);
for (const [size, rounds] of SIZES) inRounds(entries, rounds, (entry) => stage.run(entry, size));
const result: RunResult = {
  version: process.versions[currentRuntime()]!,
  subjects: Object.fromEntries(
    entries.map(({ subject, watch }) => [subject.name, watch.medians]),
  ),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
