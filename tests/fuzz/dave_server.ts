/**
 * The voice server as a parser of what clients say about end-to-end encryption: key packages and
 * commits in binary frames, and the JSON beside them, before there is a group and in one.
 *
 * Its cryptography holds nothing back, as in `dave_parsers.ts`, so that mutations come far. The
 * valid messages are made of seeded randomness: where the library draws it in another order they
 * are others, and the corpus is to be made again.
 *
 * @module
 */

import { type MlsCrypto, MlsMember } from "../../lib/dave/mls/mod.ts";
import { encodeId } from "../../lib/dave/user_id.ts";
import { encodeBinary, encodeMessage } from "../../lib/messages.ts";
import { BINARY_LIMIT } from "../../lib/testing/client_messages.ts";
import { takeCommitWelcome } from "../../lib/testing/dave/commit.ts";
import type { ServerInput } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";
import { looseCrypto } from "./dave_parsers.ts";
import { hex, toHex } from "../tools/vectors.ts";
import { checkServerOutput } from "./machines.ts";
import { type AnyParser, BYTES, check, checkInteger, type Domain, TEXT } from "./parser.ts";

type Frame = string | Uint8Array;

/** Whether the client that is fuzzed has a group to found, or is in one and has a change to commit. */
type Step = "founding a group" | "in a group";

const CHANNEL = "2";
/** More than three clients can hear because of one message. */
const OUTPUT_LIMIT = 64;
/** Milliseconds between two messages: within a row all patience comes to its end. */
const STEP_TIME = 400;
const ROW = 16;
/** Bytes of a signature of the cryptography that holds nothing back. */
const SIGNATURE_SIZE = 8;
/** Where the init key stands in op 26. */
const INIT_KEY_AT = 7;
/** Where the last byte of the sender's leaf stands in op 28. */
const SENDER_AT = 26;

/** A client: a member of the group, and what the gateway says to it. */
class Client {
  readonly #member: MlsMember;
  /** What it has got and not read. */
  readonly inbox: { readonly op: number; readonly d: Uint8Array }[] = [];

  constructor(userId: string, crypto: MlsCrypto) {
    const [groupId, identity] = [encodeId(CHANNEL), encodeId(userId)];
    this.#member = new MlsMember({ crypto, groupId, identity });
  }

  /** Reads all that it has got, and tells what it says to it. */
  answers(): Frame[] {
    return this.inbox.splice(0).flatMap(({ op, d }) => this.#answer(op, d) ?? []);
  }

  #answer(op: number, d: Uint8Array): Frame | undefined {
    switch (op) {
      case 4:
        return encodeBinary(26, this.#member.createKeyPackage());
      case 25:
        return void this.#member.setExternalSender(d);
      case 27: {
        this.#member.processProposals(d, () => true);
        const { commit, welcome = [] } = this.#member.commit()!;
        return encodeBinary(28, Uint8Array.of(...commit, ...welcome));
      }
      case 29:
        this.#member.processCommit(d.subarray(2));
        return encodeMessage(23, { transition_id: d[1] });
      case 30:
        this.#member.joinFromWelcome(d.subarray(2));
        return encodeMessage(23, { transition_id: d[1] });
    }
  }
}

/** A server with a call; its first client is fuzzed, the others have done their part. */
class DaveServerUnderTest {
  readonly #crypto = looseCrypto();
  readonly #server = new VoiceServer({
    random: (into) => into.fill(7),
    port: 5000,
    mls: this.#crypto,
  });
  readonly #clients = new Map<number, Client>();
  readonly #said: Frame[] = [];
  #id = 0;
  #lastId = 0;
  #now = 0;
  #outputs = 0;
  #closed: number | undefined;

  constructor(step: Step) {
    this.#id = this.#join("1");
    const second = this.#join("2");
    for (const id of [this.#id, second]) this.#let(id);
    if (step === "founding a group") return;
    const fourth = this.#join("4");
    this.#let(fourth);
    // The second founds the group; the first has not said yet that it is ready for it.
    for (const id of [second, second]) this.#let(id);
    this.#feed({ type: "websocketClose", id: fourth, code: 1000 });
    this.#let(this.#join("3"));
  }

  /** What the first client has said, and would say now. */
  said(): Frame[] {
    this.#said.push(...this.#clients.get(this.#id)!.answers());
    return this.#said;
  }

  /** Feeds a frame of the first client, which comes back where it is closed. */
  take(data: Frame): string {
    const before = this.#server.stats().daveRejected;
    this.#outputs = 0;
    this.#closed = undefined;
    this.#now += STEP_TIME;
    this.#feed({ type: "websocketMessage", id: this.#id, data });
    const outputs = this.#outputs;
    if ((this.#server.pollTimeout() ?? Infinity) <= this.#now) this.#feed({ type: "timeout" });
    checkInteger("outputs", this.#outputs, 0, OUTPUT_LIMIT);
    if (this.#closed !== undefined) {
      this.#id = this.#join("1");
      return `closed ${this.#closed}`;
    }
    const after = Object.entries(this.#server.stats().daveRejected);
    const rejected = after.find(([reason, count]) =>
      before[reason as keyof typeof before] !== count
    );
    return rejected?.[0] ?? (outputs > 0 ? "taken" : "ignored");
  }

  #let(id: number): void {
    const frames = this.#clients.get(id)!.answers();
    if (id === this.#id) this.#said.push(...frames);
    for (const data of frames) this.#feed({ type: "websocketMessage", id, data });
  }

  #join(user_id: string): number {
    const id = ++this.#lastId;
    this.#clients.set(id, new Client(user_id, this.#crypto));
    const send = (op: number, d: unknown) =>
      this.#feed({ type: "websocketMessage", id, data: encodeMessage(op, d) });
    this.#feed({ type: "websocketOpen", id, path: "/?v=8" });
    const identity = { server_id: "1", channel_id: CHANNEL, user_id, session_id: user_id };
    send(0, { ...identity, token: "token", max_dave_protocol_version: 1 });
    const data = { address: "192.0.2.1", port: 40_000, mode: "aead_aes256_gcm_rtpsize" };
    send(1, { protocol: "udp", data });
    return id;
  }

  #feed(input: ServerInput): void {
    this.#server.handleInput(input, this.#now);
    for (let output; (output = this.#server.pollOutput()) !== undefined; this.#outputs++) {
      checkServerOutput(output, true);
      if (output.type === "closeWebSocket") this.#closed = output.code;
      if (output.type !== "sendWebSocket") continue;
      const { id, data } = output;
      const message = typeof data === "string"
        ? JSON.parse(data)
        : { op: data[2], d: data.slice(3) };
      this.#clients.get(id)!.inbox.push(message);
    }
    const timeout = this.#server.pollTimeout();
    check(timeout !== undefined && Number.isFinite(timeout), () => `the timeout is ${timeout}`);
  }
}

function daveParser<F extends Frame>(
  step: Step,
  name: string,
  domain: Domain<F>,
  entry: Pick<AnyParser, "covers" | "seeds" | "outcomes" | "large">,
): AnyParser {
  return {
    name: `VoiceServer ${name} of a client that is ${step}`,
    domain,
    share: 1 / 8,
    row: ROW,
    start: () => {
      const server = new DaveServerUnderTest(step);
      return (frame: F) => server.take(frame);
    },
    ...entry,
  };
}

/** What stands for the loss of a group, beside what a client says by itself. */
const TEXTS = [
  ...[1, 2, 0, 65_535].map((transition_id) => encodeMessage(23, { transition_id })),
  ...[1, 2].map((transition_id) => encodeMessage(31, { transition_id })),
  encodeMessage(7, {}),
];

const REFUSED = [
  ...["malformed", "unsupported", "bad-signature", "bad-key-package", "bad-tag"],
  ...["wrong-group", "wrong-epoch", "wrong-sender", "wrong-proposals", "wrong-welcome"],
  ...["wrong-identity", "bad-lifetime", "not-a-member", "late", "too-large"],
];

/** Messages that are wrong in ways to which few mutations lead. */
function spoilt(keyPackage: Uint8Array, commit: Uint8Array): Uint8Array[] {
  const text = toHex(commit);
  const tag = "20" + "00".repeat(32);
  return [
    keyPackage.with(INIT_KEY_AT, 5),
    keyPackage.with(keyPackage.length - SIGNATURE_SIZE, 0x80),
    commit.with(SENDER_AT, 7),
    hex(text.replace(tag, "1f" + "00".repeat(31))),
    commit.slice(0, 1 + takeCommitWelcome(commit.slice(1)).bytes.length),
  ];
}

function binaryParser(step: Step): AnyParser {
  const said = new DaveServerUnderTest(step).said().filter((frame) => typeof frame !== "string");
  return daveParser(step, "binary", BYTES, {
    covers: ["decodeClientFrame"],
    seeds: [said.at(-1)!, said[0], ...spoilt(said[0], said.at(-1)!)],
    outcomes: [
      "taken",
      "ignored",
      "closed 4002",
      ...REFUSED,
      ...(step === "founding a group" ? [] : ["bad-path"]),
    ],
    large: {
      "1 MiB of op 26": ["too-large", () => new Uint8Array(BINARY_LIMIT).fill(26)],
      "1 MiB of op 28": ["unsupported", () => new Uint8Array(BINARY_LIMIT).fill(28)],
      "more than 1 MiB": ["closed 4002", () => new Uint8Array(BINARY_LIMIT + 1).fill(28)],
    },
  });
}

/** The voice server, where clients speak DAVE. */
export const DAVE_SERVERS: readonly AnyParser[] = [
  binaryParser("founding a group"),
  binaryParser("in a group"),
  daveParser("in a group", "text", TEXT, {
    covers: [],
    seeds: TEXTS,
    outcomes: [
      "taken",
      "ignored",
      "closed 4002",
      "closed 4005",
      "closed 4020",
      "unknown-transition",
    ],
  }),
];
