import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  EMPTY_VECTOR,
  optional,
  type Reader,
  takeWhole,
  u16,
  vector as prefixed,
} from "../../../../lib/dave/mls/codec.ts";
import { processCommit } from "../../../../lib/dave/mls/commit.ts";
import { concat, keyFor } from "../../../../lib/dave/mls/bytes.ts";
import { MlsError } from "../../../../lib/dave/mls/error.ts";
import { hashProposal, takePublicMessage } from "../../../../lib/dave/mls/framing.ts";
import {
  externalSendersExtension,
  takeExternalSender,
} from "../../../../lib/dave/mls/external_sender.ts";
import { generateKeyPair, type KeyPair } from "../../../../lib/dave/mls/hpke.ts";
import { type LeafNode, makeKeyPackageLeaf } from "../../../../lib/dave/mls/leaf_node.ts";
import { ExternalSender, MlsMember } from "../../../../lib/dave/mls/mod.ts";
import { applyProposals } from "../../../../lib/dave/mls/proposal.ts";
import type { ParentNode, RatchetTree } from "../../../../lib/dave/mls/ratchet_tree.ts";
import { user } from "./party.ts";
import {
  advance,
  eraseGroup,
  foundGroup,
  type Group,
  provisionalContext,
} from "../../../../lib/dave/mls/group.ts";
import {
  checkKeyPackage,
  hashKeyPackage,
  takeKeyPackage,
} from "../../../../lib/dave/mls/key_package.ts";
import {
  decryptWithLabel,
  encrypterWithLabel,
  expandWithLabel,
} from "../../../../lib/dave/mls/labels.ts";
import type { ProposalOrRef } from "../../../../lib/dave/mls/commit_message.ts";
import type { MlsCrypto } from "../../../../lib/dave/mls/suite.ts";
import {
  decryptGroupInfo,
  decryptSecrets,
  encodeWelcome,
  joinGroup,
  makeWelcome,
  takeWelcome,
  trimWelcome,
} from "../../../../lib/dave/mls/welcome.ts";
import { hex, toHex } from "../../../tools/vectors.ts";
import { pairOf, rfcCases, seededSuite } from "./vectors.ts";

const plain = seededSuite(7);

interface WelcomeVector {
  readonly init_priv: string;
  readonly key_package: string;
  readonly signer_pub: string;
  readonly welcome: string;
}

interface PassiveClient {
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[];
  readonly key_package: string;
  readonly encryption_priv: string;
  readonly init_priv: string;
  readonly welcome: string;
  readonly ratchet_tree: string | null;
  readonly initial_epoch_authenticator: string;
  readonly epochs: readonly {
    readonly proposals: readonly string[];
    readonly commit: string;
    readonly epoch_authenticator: string;
  }[];
}

/** The content of an MLSMessage: what follows version and wire format. */
const inner = (message: string): Uint8Array => hex(message.slice(8));

// The vector's group info has no tree, which DAVE's welcomes always carry.
test("decryptSecrets() agrees with RFC 9420's welcome vector, whose group info has no tree", () => {
  const [vector, ...others] = rfcCases<WelcomeVector>("welcome");
  assertEquals(others, []);
  const keyPackage = takeWhole(inner(vector!.key_package), takeKeyPackage);
  const welcome = takeWhole(inner(vector!.welcome), takeWelcome);
  const initKey = pairOf(plain, vector!.init_priv);
  checkKeyPackage(plain, keyPackage);
  const { joinerSecret, pathSecret } = decryptSecrets(plain, welcome, { keyPackage, initKey });
  assertEquals([joinerSecret.length, pathSecret], [32, undefined]);
  const error = assertThrows(() => decryptGroupInfo(plain, welcome, joinerSecret), MlsError);
  assertEquals(error.message, "Cannot join: there is no tree");
  assertEquals(toHex(encodeWelcome(welcome)), vector!.welcome.slice(8));
});

/** Joins as a passive client. */
function join(vector: PassiveClient, suite: MlsCrypto = plain): Group {
  const keyPackage = takeWhole(inner(vector.key_package), takeKeyPackage);
  checkKeyPackage(suite, keyPackage);
  return joinGroup(suite, takeWhole(inner(vector.welcome), takeWelcome), {
    keyPackage,
    initKey: pairOf(suite, vector.init_priv),
    leafKey: pairOf(suite, vector.encryption_priv),
  });
}

/**
 * Joins a group that has pre-shared keys, which the subset has not: the welcome is written
 * again without them, and their secret takes the place of the zeros in the key schedule.
 */
function joinWithPsk(vector: PassiveClient): Group {
  const keyPackage = takeWhole(inner(vector.key_package), takeKeyPackage);
  const initKey = pairOf(plain, vector.init_priv);
  const welcome = takeWhole(inner(vector.welcome), takeWelcome);
  const { encryptedGroupInfo } = welcome;
  const ref = hashKeyPackage(plain, inner(vector.key_package));
  const { sealed } = trimWelcome(welcome, ref).secrets[0]!;
  const opened = decryptWithLabel(plain, initKey, "Welcome", encryptedGroupInfo, sealed)!;
  const { secrets, pskIds } = takeWhole(opened, (reader) => {
    const joiner = prefixed(reader.vector());
    const path = reader.optional((item) => prefixed(item.vector()));
    return { secrets: concat(joiner, optional(path)), pskIds: reader.list(takePskId) };
  });
  const without = concat(secrets, EMPTY_VECTOR);
  const encrypt = encrypterWithLabel(plain, "Welcome", encryptedGroupInfo);
  const again = encrypt(keyPackage.initKey, without);
  const rewritten = encodeWelcome({
    encryptedGroupInfo,
    secrets: [{ receiver: ref, sealed: again }],
  });
  const pskSecret = pskSecretFor(vector, pskIds);
  const suite: MlsCrypto = {
    ...plain,
    extract: (salt, secret) =>
      plain.extract(salt, secret.every((byte) => byte === 0) ? pskSecret : secret),
  };
  return join({ ...vector, welcome: `00010003${toHex(rewritten)}` }, suite);
}

/** Reads the PreSharedKeyID of an external key: the key's id, and all its bytes. */
function takePskId(reader: Reader): { id: string; bytes: Uint8Array } {
  const start = reader.position;
  assertEquals(reader.u8(), 1);
  const id = toHex(reader.vector());
  reader.vector();
  return { id, bytes: reader.since(start) };
}

/** The psk_secret of RFC 9420 section 8.4. */
function pskSecretFor(
  { external_psks }: PassiveClient,
  ids: readonly { id: string; bytes: Uint8Array }[],
): Uint8Array {
  let secret: Uint8Array = new Uint8Array(32);
  for (const [index, { id, bytes }] of ids.entries()) {
    const { psk } = external_psks.find(({ psk_id }) => psk_id === id)!;
    const extracted = plain.extract(new Uint8Array(32), hex(psk));
    const label = concat(bytes, u16(index), u16(ids.length));
    const input = expandWithLabel(plain, extracted, "derived psk", label, 32);
    secret = plain.extract(input, secret);
  }
  return secret;
}

/** What happens, counted by the message of the error if there is one. */
class Outcomes {
  readonly counts: Record<string, number> = {};

  count(outcome: string, action: () => void): void {
    let message = outcome;
    try {
      action();
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      message = error.message;
    }
    this.counts[message] = (this.counts[message] ?? 0) + 1;
  }
}

test("joinGroup() joins RFC 9420's groups that have neither PSKs nor a tree beside, 2 of 8", () => {
  const outcomes = new Outcomes();
  for (const vector of rfcCases<PassiveClient>("passive-client-welcome")) {
    outcomes.count("joined", () => {
      const { secrets } = join(vector);
      assertEquals(toHex(secrets.epochAuthenticator), vector.initial_epoch_authenticator);
    });
  }
  assertEquals(outcomes.counts, {
    "joined": 2,
    "Cannot join: the group has a PSK": 4,
    "Cannot join: there is no tree": 2,
  });
});

test("joinGroup() joins RFC 9420's groups without a tree beside when it is given the PSKs", () => {
  const outcomes = new Outcomes();
  for (const vector of rfcCases<PassiveClient>("passive-client-welcome")) {
    outcomes.count("joined", () => {
      const { secrets } = joinWithPsk(vector);
      assertEquals(toHex(secrets.epochAuthenticator), vector.initial_epoch_authenticator);
    });
  }
  assertEquals(outcomes.counts, { "joined": 4, "Cannot join: there is no tree": 4 });
});

// Left out are commits that cover an Update, a PSK or a change of the group's extensions.
test("processCommit() follows the commits of RFC 9420's passive clients: 14 of 20", () => {
  const outcomes = new Outcomes();
  for (const vector of rfcCases<PassiveClient>("passive-client-handling-commit")) {
    let group = joinWithPsk(vector);
    for (const { proposals, commit, epoch_authenticator } of vector.epochs) {
      outcomes.count("followed", () => {
        const known = new Map(proposals.map((text) => {
          const message = takeWhole(hex(text), takePublicMessage);
          assert(message.body.type === "proposal");
          return [keyFor(hashProposal(plain, message)), message.body.proposal];
        }));
        const message = takeWhole(hex(commit), takePublicMessage);
        const find = ({ ref, proposal }: ProposalOrRef) => proposal ?? known.get(keyFor(ref!))!;
        const next = processCommit(plain, group, message, find)!;
        eraseGroup(group);
        group = next;
        assertEquals(toHex(group.secrets.epochAuthenticator), epoch_authenticator);
      });
    }
  }
  assertEquals(outcomes.counts, {
    "followed": 14,
    "Cannot read a proposal: its type is 2, wanted 1 or 3": 1,
    "Cannot read a proposal: its type is 4, wanted 1 or 3": 4,
    "Cannot read a proposal: its type is 7, wanted 1 or 3": 1,
  });
});

test("trimWelcome() keeps what is for one receiver, who can still join", () => {
  const [vector] = rfcCases<PassiveClient>("passive-client-welcome");
  const welcome = takeWhole(inner(vector!.welcome), takeWelcome);
  const ref = hashKeyPackage(plain, inner(vector!.key_package));
  const others = [{ ...welcome.secrets[0]!, receiver: new Uint8Array(32) }, ...welcome.secrets];
  const trimmed = trimWelcome({ ...welcome, secrets: others }, ref);
  assertEquals(trimmed.secrets.length, 1);
  assertEquals(trimmed.secrets[0]!.receiver, ref);
  const text = `00010003${toHex(encodeWelcome(trimmed))}`;
  const { secrets } = join({ ...vector!, welcome: text });
  assertEquals(toHex(secrets.epochAuthenticator), vector!.initial_epoch_authenticator);
});

/** What the founder of a group may forge. */
interface Forgery {
  /** The tree whose hash is signed. */
  readonly signed?: (tree: RatchetTree) => void;
  /** The tree that is sent, where it is another. */
  readonly sent?: (tree: RatchetTree) => void;
  readonly confirmationTag?: Uint8Array;
  readonly signaturePrivateKey?: Uint8Array;
}

/** Welcomes a member to a group, as the founder of the group would who forges something. */
function welcomeForged(forgery: Forgery): void {
  const [leafKey, signature] = [generateKeyPair(plain), generateKeyPair(plain)];
  const member = new MlsMember({ crypto: plain, groupId: user(1), identity: user(2) });
  const sender = new ExternalSender(plain);
  member.setExternalSender(sender.bytes);
  const leaf = makeKeyPackageLeaf(plain, {
    identity: user(3),
    encryptionKey: leafKey.publicKey,
    signatureKey: signature.publicKey,
    signaturePrivateKey: signature.privateKey,
  });
  const extensions = [externalSendersExtension(takeWhole(sender.bytes, takeExternalSender))];
  const group = foundGroup(plain, user(1), extensions, leaf, leafKey);
  const keyPackage = takeWhole(member.createKeyPackage(), takeKeyPackage);
  const { tree, joiners } = applyProposals(group.tree, [{ type: "add", keyPackage }]);
  forgery.signed?.(tree);
  const provisional = provisionalContext(plain, group, tree);
  const next = advance(plain, group, provisional, user(0), user(0), new Uint8Array(32));
  forgery.sent?.(tree);
  const { confirmationTag = next.confirmationTag } = forgery;
  const { signaturePrivateKey = signature.privateKey } = forgery;
  const invitation = {
    leafIndex: 0,
    signaturePrivateKey,
    joiners: joiners.map((joiner) => ({ ...joiner, pathSecret: undefined })),
  };
  member.joinFromWelcome(makeWelcome(plain, { ...next, confirmationTag }, tree, invitation));
  assertEquals(member.roster.length, 2);
}

/** A parent that nobody has set. */
function parentNode(unmergedLeaves: readonly number[]): ParentNode {
  const { publicKey } = generateKeyPair(plain);
  return { encryptionKey: publicKey, parentHash: new Uint8Array(32), unmergedLeaves };
}

/** A leaf that somebody else could have. */
function strangersLeaf(identity: Uint8Array, leafKey: KeyPair = generateKeyPair(plain)): LeafNode {
  const signature = generateKeyPair(plain);
  return makeKeyPackageLeaf(plain, {
    identity,
    encryptionKey: leafKey.publicKey,
    signatureKey: signature.publicKey,
    signaturePrivateKey: signature.privateKey,
  });
}

test("joinFromWelcome() joins a sound group, and refuses one with anything forged by its founder", () => {
  welcomeForged({});
  welcomeForged({ signed: (tree) => tree.add(strangersLeaf(user(4))) && tree.remove(2) });
  const unsigned = strangersLeaf(user(4));
  const forgeries: [string, Forgery][] = [
    ["the tree has another hash", { sent: (tree) => tree.add(strangersLeaf(user(4))) }],
    ["the group info's signature", { signaturePrivateKey: new Uint8Array(32).fill(1) }],
    ["the confirmation tag", { confirmationTag: new Uint8Array(32) }],
    ["nothing vouches for node 1", { signed: (tree) => tree.setParent(1, parentNode([])) }],
    ["nothing vouches for node 1", { signed: (tree) => tree.setParent(1, parentNode([1])) }],
    ["wrong unmerged leaf", { signed: (tree) => tree.setParent(1, parentNode([1, 0])) }],
    ["wrong unmerged leaf", { signed: (tree) => tree.setParent(1, parentNode([1, 1])) }],
    ["wrong unmerged leaf", { signed: (tree) => tree.setParent(1, parentNode([2])) }],
    ["the key of node 1 is none", {
      signed: (tree) => tree.setParent(1, { ...parentNode([]), encryptionKey: new Uint8Array(65) }),
    }],
    ["wrong unmerged leaf at node 3", {
      signed: (tree) => {
        tree.add(strangersLeaf(user(4)));
        tree.setParent(1, parentNode([]));
        tree.setParent(3, parentNode([1]));
      },
    }],
    ["a user is there twice", { signed: (tree) => tree.add(strangersLeaf(user(3))) }],
    ["a key is there twice", { signed: (tree) => tree.add(tree.leaf(0)!) }],
    ["a key is there twice", {
      signed: (tree) => {
        const { encryptionKey: publicKey } = tree.leaf(0)!;
        tree.add(strangersLeaf(user(4), { publicKey, privateKey: new Uint8Array(0) }));
      },
    }],
    ["its signature is wrong", {
      signed: (tree) => tree.add({ ...unsigned, signature: unsigned.signature.slice(1) }),
    }],
    ["we are not in the tree", {
      signed: (tree) => tree.setLeaf(1, strangersLeaf(user(2))),
    }],
  ];
  for (const [message, forgery] of forgeries) {
    assertThrows(() => welcomeForged(forgery), MlsError, message);
  }
});

test("joinGroup() refuses secrets of another size", () => {
  const [vector] = rfcCases<PassiveClient>("passive-client-welcome");
  const keyPackage = takeWhole(inner(vector!.key_package), takeKeyPackage);
  const { encryptedGroupInfo } = takeWhole(inner(vector!.welcome), takeWelcome);
  const receiver = hashKeyPackage(plain, inner(vector!.key_package));
  const absent = Uint8Array.of(0);
  const wrong = [
    concat(prefixed(new Uint8Array(31)), absent, EMPTY_VECTOR),
    concat(prefixed(new Uint8Array(32)), optional(prefixed(new Uint8Array(33))), EMPTY_VECTOR),
  ];
  for (const secrets of wrong) {
    const encrypt = encrypterWithLabel(plain, "Welcome", encryptedGroupInfo);
    const sealed = encrypt(keyPackage.initKey, secrets);
    const text = toHex(encodeWelcome({ encryptedGroupInfo, secrets: [{ receiver, sealed }] }));
    const forged = { ...vector!, welcome: `00010003${text}` };
    assertThrows(() => join(forged), MlsError, "a secret has another size");
  }
});
