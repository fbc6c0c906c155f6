import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Reader, takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { MlsError } from "../../../../lib/dave/mls/error.ts";
import { type LeafNode, takeLeafNode } from "../../../../lib/dave/mls/leaf_node.ts";
import { RatchetTree } from "../../../../lib/dave/mls/ratchet_tree.ts";
import { checkTree } from "../../../../lib/dave/mls/tree_validation.ts";
import { nodeCount } from "../../../../lib/dave/mls/tree_math.ts";
import { hex, toHex, truncations } from "../../../tools/vectors.ts";
import { rfcCases, seededSuite } from "./vectors.ts";

const suite = seededSuite(5);

interface TreeOperation {
  readonly proposal: string;
  readonly tree_before: string;
  readonly tree_after: string;
  readonly tree_hash_before: string;
  readonly tree_hash_after: string;
}

interface TreeValidation {
  readonly tree: string;
  readonly group_id: string;
  readonly tree_hashes: readonly string[];
  readonly resolutions: readonly (readonly number[])[];
}

const take = (text: string): RatchetTree => takeWhole(hex(text), RatchetTree.take);

/** The leaf that an Add proposal of any cipher suite holds. */
function addedLeaf(proposal: Uint8Array): LeafNode {
  const reader = new Reader(proposal.slice(6));
  reader.vector();
  return takeLeafNode(reader);
}

test("RatchetTree adds and removes as in RFC 9420's vectors: 4 of 5, but not the update", () => {
  const counts = [0, 0, 0, 0];
  for (const vector of rfcCases<TreeOperation>("tree-operations")) {
    const proposal = hex(vector.proposal);
    const [, type] = proposal;
    counts[type!]!++;
    const tree = take(vector.tree_before);
    assertEquals(toHex(tree.hash(suite)), vector.tree_hash_before);
    assertEquals(toHex(tree.encode()), vector.tree_before);
    if (type === 2) continue;
    const changed = tree.copy();
    if (type === 1) changed.add(addedLeaf(proposal));
    else changed.remove(new Reader(proposal.slice(2)).u32());
    assertEquals(toHex(changed.encode()), vector.tree_after);
    assertEquals(toHex(changed.hash(suite)), vector.tree_hash_after);
    assertEquals(toHex(tree.hash(suite)), vector.tree_hash_before);
  }
  assertEquals(counts, [0, 2, 1, 2]);
});

test("checkTree() accepts RFC 9420's trees, all 12, and hashes and resolutions agree", () => {
  const cases = rfcCases<TreeValidation>("tree-validation");
  for (const { tree: text, group_id, tree_hashes, resolutions } of cases) {
    const tree = take(text);
    checkTree(suite, tree, hex(group_id));
    const nodes = Array.from({ length: nodeCount(tree.leafCount) }, (_, node) => node);
    assertEquals(nodes.map((node) => toHex(tree.hash(suite, node))), tree_hashes);
    assertEquals(nodes.map((node) => tree.resolution(node)), resolutions);
    assertEquals(toHex(tree.encode()), text);
  }
  assertEquals(cases.length, 12);
});

test("checkTree() refuses RFC 9420's trees for another group, and with any byte of a node changed", () => {
  for (const { tree: text, group_id } of rfcCases<TreeValidation>("tree-validation").slice(0, 4)) {
    const bytes = hex(text);
    // Only leaves that were made for a commit know their group.
    const bound = [...take(text).members()].some(([, leaf]) => leaf.source === "commit");
    if (bound) assertThrows(() => checkTree(suite, take(text), hex(`${group_id}00`)), MlsError);
    for (let at = 3; at < bytes.length; at += 7) {
      const wrong = bytes.slice();
      wrong[at]! ^= 1;
      assertThrows(
        () => checkTree(suite, takeWhole(wrong, RatchetTree.take), hex(group_id)),
        MlsError,
      );
    }
  }
});

test("RatchetTree.take() refuses truncations, a blank end, and a node of the wrong kind", () => {
  const [{ tree }] = rfcCases<TreeValidation>("tree-validation") as [TreeValidation];
  for (const cut of truncations(hex(tree))) {
    assertThrows(() => takeWhole(cut, RatchetTree.take), MlsError);
  }
  for (const wrong of ["00", "0100", "020000", "0101", "03010200"]) {
    assertThrows(() => takeWhole(hex(wrong), RatchetTree.take), MlsError);
  }
});

test("RatchetTree.take() bounds the number of leaves", () => {
  const blanks = new Uint8Array(20_004);
  new DataView(blanks.buffer).setUint32(0, 0x80000000 | 20_000);
  const error = assertThrows(() => takeWhole(blanks, RatchetTree.take), MlsError);
  assertEquals(error.message, "Cannot read a tree: it has over 4096 leaves");
});

test("RatchetTree grows by a level and shrinks when its right half is blank", () => {
  const [{ tree: text }] = rfcCases<TreeValidation>("tree-validation") as [TreeValidation];
  const [, leaf] = [...take(text).members()][0]!;
  const tree = RatchetTree.ofMember(leaf);
  assertEquals([1, 2, 3, 4].map(() => tree.add(leaf)), [1, 2, 3, 4]);
  assertEquals(tree.leafCount, 8);
  const before = toHex(tree.hash(suite));
  tree.remove(1);
  assertEquals(tree.leafCount, 8);
  assertEquals(tree.add(leaf), 1);
  assertEquals(toHex(tree.hash(suite)), before);
  tree.remove(4);
  assertEquals(tree.leafCount, 4);
  tree.remove(2);
  tree.remove(3);
  assertEquals(tree.leafCount, 2);
  assertEquals(toHex(tree.hash(suite)), toHex(take(toHex(tree.encode())).hash(suite)));
  assert(tree.leaf(2) === undefined);
});
