/**
 * What the benchmark compares: this library with the pure primitives, this library with those
 * that a runtime's entry point uses, and `@snazzah/davey`. Each does the whole work of an epoch:
 * also the keys of all members' frames are derived.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { nativeFrameAead } from "../../adapters/native_frame_aead.ts";
import { nativeMlsCrypto } from "../../adapters/native_mls.ts";
import {
  BASE_SECRET_SIZE,
  type FrameAeadProvider,
  FrameOpener,
  FrameSealer,
  pureFrameAead,
  sealedSizeLimit,
} from "../../lib/dave/frames/mod.ts";
import { type MlsCrypto, MlsMember, nobleMlsCrypto } from "../../lib/dave/mls/mod.ts";
import { decodeId, encodeId } from "../../lib/dave/user_id.ts";
import { loadDavey } from "../tools/davey.ts";

/** The channel of all calls. */
export const CHANNEL = "1234567890123456789";

/** What a member sends as opcode 28. */
export interface Sent {
  /** The commit. */
  readonly commit: Uint8Array;
  /** The welcome, where the commit adds anybody. */
  readonly welcome?: Uint8Array | undefined;
}

/** A member of a call. It takes Buffers, as what davey takes. */
export interface BenchMember {
  /** Makes a key package. */
  keyPackage(): Uint8Array;
  /** Takes the body of opcode 27 and commits. */
  propose(body: Buffer): Sent;
  /** Takes the commit that was chosen. */
  accept(commit: Buffer): void;
  /** Joins the call. */
  join(welcome: Buffer): void;
  /** Seals a frame. */
  seal(frame: Buffer): Uint8Array;
  /** Opens a frame of another member. */
  open(userId: string, sealed: Buffer): Uint8Array;
}

/** One of those that are compared. */
export interface Subject {
  /** Which. */
  readonly name: string;
  /** Makes a member. */
  member(userId: string, externalSender: Uint8Array): BenchMember;
}

/** Whoever is compared; davey is always last. */
export function subjects(daveyFolder: string): readonly Subject[] {
  const noble = nobleMlsCrypto(nativeMlsCrypto.random);
  return [
    { name: "noble", member: (...who) => new OwnMember(noble, pureFrameAead, ...who) },
    { name: "native", member: (...who) => new OwnMember(nativeMlsCrypto, nativeFrameAead, ...who) },
    daveySubject(daveyFolder),
  ];
}

const MEDIA_LABEL = "Discord Secure Frames v0";
const FRAME_LIMIT = 1500;

class OwnMember implements BenchMember {
  readonly #member: MlsMember;
  readonly #userId: string;
  readonly #aead: FrameAeadProvider;
  readonly #sealer: FrameSealer;
  readonly #openers = new Map<string, FrameOpener>();
  readonly #opened = new Uint8Array(FRAME_LIMIT);

  constructor(
    crypto: MlsCrypto,
    aead: FrameAeadProvider,
    userId: string,
    externalSender: Uint8Array,
  ) {
    const [groupId, identity] = [encodeId(CHANNEL), encodeId(userId)];
    this.#member = new MlsMember({ crypto, groupId, identity });
    this.#member.setExternalSender(externalSender);
    this.#userId = userId;
    this.#aead = aead;
    this.#sealer = new FrameSealer({ aead });
  }

  keyPackage(): Uint8Array {
    return this.#member.createKeyPackage();
  }

  propose(body: Buffer): Sent {
    this.#member.processProposals(body, () => true);
    return this.#member.commit()!;
  }

  accept(commit: Buffer): void {
    this.#member.processCommit(commit);
    this.#learn();
  }

  join(welcome: Buffer): void {
    this.#member.joinFromWelcome(welcome);
    this.#learn();
  }

  seal(frame: Buffer): Uint8Array {
    const into = new Uint8Array(sealedSizeLimit("opus", frame.length));
    return into.subarray(0, this.#sealer.seal(frame, into));
  }

  open(userId: string, sealed: Buffer): Uint8Array {
    const size = this.#openers.get(userId)!.open(sealed, this.#opened, performance.now());
    return this.#opened.subarray(0, size);
  }

  #learn(): void {
    const now = performance.now();
    const users = this.#member.roster.map(({ identity }) => decodeId(identity)!);
    const contexts = users.map((userId) => encodeId(userId, true));
    const secrets = this.#member.exportSecrets(MEDIA_LABEL, contexts, BASE_SECRET_SIZE);
    for (const [i, userId] of users.entries()) {
      if (userId === this.#userId) this.#sealer.setRatchet(secrets[i]!);
      else this.#openerOf(userId).addRatchet(secrets[i]!, now);
    }
  }

  #openerOf(userId: string): FrameOpener {
    const known = this.#openers.get(userId);
    if (known !== undefined) return known;
    const opener = new FrameOpener(this.#aead);
    this.#openers.set(userId, opener);
    return opener;
  }
}

const AUDIO = 0;

function daveySubject(folder: string): Subject {
  const { DAVESession } = loadDavey(folder);
  return {
    name: "davey",
    member(userId, externalSender) {
      const session = new DAVESession(1, userId, CHANNEL);
      session.setExternalSender(Buffer.from(externalSender));
      return {
        keyPackage: () => session.getSerializedKeyPackage(),
        propose: (body) => session.processProposals(body[0]!, body.subarray(1)) as Sent,
        accept: (commit) => session.processCommit(commit),
        join: (welcome) => session.processWelcome(welcome),
        seal: (frame) => session.encryptOpus(frame),
        open: (user, sealed) => session.decrypt(user, AUDIO, sealed),
      };
    },
  };
}
