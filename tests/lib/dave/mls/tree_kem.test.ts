import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { takeUpdatePath, type UpdatePath } from "../../../../lib/dave/mls/commit_message.ts";
import { MlsError } from "../../../../lib/dave/mls/error.ts";
import { encodeGroupContext } from "../../../../lib/dave/mls/key_schedule.ts";
import { makeCommitLeaf } from "../../../../lib/dave/mls/leaf_node.ts";
import { RatchetTree } from "../../../../lib/dave/mls/ratchet_tree.ts";
import {
  decryptPath,
  encryptPath,
  makePath,
  mergePath,
  type PrivateKeys,
  unfoldPath,
} from "../../../../lib/dave/mls/tree_kem.ts";
import { directPath } from "../../../../lib/dave/mls/tree_math.ts";
import { hex, toHex } from "../../../tools/vectors.ts";
import { pairOf, rfcCases, seededSuite } from "./vectors.ts";

const suite = seededSuite(6);

interface TreeKem {
  readonly group_id: string;
  readonly epoch: number;
  readonly confirmed_transcript_hash: string;
  readonly ratchet_tree: string;
  readonly leaves_private: readonly {
    readonly index: number;
    readonly encryption_priv: string;
    readonly signature_priv: string;
    readonly path_secrets: readonly { readonly node: number; readonly path_secret: string }[];
  }[];
  readonly update_paths: readonly {
    readonly sender: number;
    readonly update_path: string;
    readonly path_secrets: readonly (string | null)[];
    readonly commit_secret: string;
    readonly tree_hash_after: string;
  }[];
}

const cases = rfcCases<TreeKem>("treekem");

/** The private keys of a member, derived from the path secrets that it knows. */
function keysFor(vector: TreeKem, tree: RatchetTree, index: number): PrivateKeys {
  const member = vector.leaves_private.find((leaf) => leaf.index === index)!;
  const keys: PrivateKeys = new Map([[2 * index, hex(member.encryption_priv)]]);
  for (const { node, path_secret } of member.path_secrets) {
    const { privateKeys } = unfoldPath(suite, tree, [node], hex(path_secret));
    keys.set(node, privateKeys.get(node)!);
  }
  return keys;
}

function contextAfter(vector: TreeKem, tree: RatchetTree): Uint8Array {
  return encodeGroupContext({
    groupId: hex(vector.group_id),
    epoch: BigInt(vector.epoch),
    treeHash: tree.hash(suite),
    confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
    extensions: [],
  });
}

/** What a member comes to by a path: the path secret it decrypts, and the commit secret. */
function receive(
  vector: TreeKem,
  sender: number,
  path: UpdatePath,
  receiver: number,
): { pathSecret: string; commitSecret: string; treeHash: string } {
  const tree = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
  const keys = keysFor(vector, tree, receiver);
  const steps = mergePath(suite, tree, hex(vector.group_id), sender, path, []);
  const context = contextAfter(vector, tree);
  const { pathSecret, step } = decryptPath(suite, tree, keys, receiver, steps, path, [], context);
  const known = toHex(pathSecret);
  const nodes = steps.slice(step).map(({ node }) => node);
  const { commitSecret } = unfoldPath(suite, tree, nodes, pathSecret);
  assert(pathSecret.every((byte) => byte === 0));
  return {
    pathSecret: known,
    commitSecret: toHex(commitSecret),
    treeHash: toHex(tree.hash(suite)),
  };
}

test("members decrypt the paths of RFC 9420's TreeKEM vectors, all 8 cases", () => {
  let [paths, secrets] = [0, 0];
  for (const vector of cases) {
    for (const { sender, update_path, path_secrets, ...wanted } of vector.update_paths) {
      const path = takeWhole(hex(update_path), takeUpdatePath);
      paths++;
      for (const [receiver, pathSecret] of path_secrets.entries()) {
        if (pathSecret === null) continue;
        assertEquals(receive(vector, sender, path, receiver), {
          pathSecret,
          commitSecret: wanted.commit_secret,
          treeHash: wanted.tree_hash_after,
        });
        secrets++;
      }
    }
  }
  assertEquals([cases.length, paths, secrets], [8, 42, 210]);
});

test("members of RFC 9420's TreeKEM trees decrypt a path that we make", () => {
  for (const vector of cases.slice(0, 6)) {
    const { index: sender, signature_priv } = vector.leaves_private.at(-1)!;
    const tree = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
    const { identity, signatureKey } = tree.leaf(sender)!;
    const { privateKey } = pairOf(suite, signature_priv);
    const member = { identity, signatureKey, signaturePrivateKey: privateKey };
    const made = makePath(suite, tree, hex(vector.group_id), sender, member);
    const nodes = encryptPath(suite, tree, made, [], contextAfter(vector, tree));
    const path = { leaf: tree.leaf(sender)!, nodes };
    for (const { index: receiver } of vector.leaves_private) {
      if (receiver === sender) continue;
      const { commitSecret, treeHash } = receive(vector, sender, path, receiver);
      assertEquals(commitSecret, toHex(made.commitSecret));
      assertEquals(treeHash, toHex(tree.hash(suite)));
    }
  }
});

test("mergePath() refuses a path that does not fit, whose keys are none or whose leaf is old", () => {
  const vector = cases[0]!;
  const { sender, update_path } = vector.update_paths[0]!;
  const path = takeWhole(hex(update_path), takeUpdatePath);
  const [node] = path.nodes;
  const wrong: UpdatePath[] = [
    { ...path, nodes: [] },
    { ...path, nodes: [node!, node!] },
    { ...path, nodes: [{ ...node!, secrets: [] }] },
    { ...path, nodes: [{ ...node!, encryptionKey: new Uint8Array(65) }] },
    { ...path, nodes: [{ ...node!, encryptionKey: path.leaf.encryptionKey }] },
    { ...path, leaf: { ...path.leaf, source: "update" } },
    { ...path, leaf: { ...path.leaf, signature: path.leaf.signature.slice(1) } },
  ];
  const merge = (candidate: UpdatePath, place: number = sender) => {
    const tree = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
    mergePath(suite, tree, hex(vector.group_id), place, candidate, []);
  };
  merge(path);
  for (const candidate of wrong) assertThrows(() => merge(candidate), MlsError);
  assertThrows(() => merge(path, 1 - sender), MlsError);
});

test("mergePath() refuses a signed leaf that keeps its key, or has another parent hash", () => {
  const vector = cases[0]!;
  const { index: sender, signature_priv } = vector.leaves_private[0]!;
  const tree = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
  const groupId = hex(vector.group_id);
  const old = tree.leaf(sender)!;
  const { privateKey: signaturePrivateKey } = pairOf(suite, signature_priv);
  const member = { ...old, signaturePrivateKey };
  const made = makePath(suite, tree, groupId, sender, member);
  const nodes = encryptPath(suite, tree, made, [], contextAfter(vector, tree));
  const leaf = tree.leaf(sender)!;
  const place = { groupId, leafIndex: sender };
  const merge = (candidate: typeof leaf) => {
    const fresh = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
    mergePath(suite, fresh, groupId, sender, { leaf: candidate, nodes }, []);
  };
  merge(leaf);
  const kept = makeCommitLeaf(suite, member, leaf.parentHash!, place);
  assertThrows(() => merge(kept), MlsError, "its leaf keeps the old key");
  const { encryptionKey } = leaf;
  const other = makeCommitLeaf(suite, { ...member, encryptionKey }, new Uint8Array(32), place);
  assertThrows(() => merge(other), MlsError, "another parent hash");
});

test("unfoldPath() refuses a secret whose keys are not in the tree", () => {
  const vector = cases[0]!;
  const tree = takeWhole(hex(vector.ratchet_tree), RatchetTree.take);
  const secret = new Uint8Array(32).fill(7);
  const nodes = directPath(0, tree.leafCount);
  assertThrows(() => unfoldPath(suite, tree, nodes, secret), MlsError, "has another key");
  assert(secret.every((byte) => byte === 0));
});
