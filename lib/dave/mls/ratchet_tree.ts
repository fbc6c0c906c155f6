/**
 * The ratchet tree (RFC 9420 sections 7.1, 7.7, 7.8 and 12.4.3.3): the public keys of all
 * members and of the nodes above them. Nodes are never changed but replaced, so that a copy of
 * the tree is a copy of an array.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { optional, type Reader, u32, u8, vector } from "./codec.ts";
import { MlsError } from "./error.ts";
import { encodeLeafNode, type LeafNode, takeLeafNode } from "./leaf_node.ts";
import type { MlsCrypto } from "./suite.ts";
import {
  directPath,
  left,
  level,
  nodeCount,
  right,
  root,
  sibling,
  standsWithin,
} from "./tree_math.ts";

/** A node above members. */
export interface ParentNode {
  /** HPKE public key. */
  readonly encryptionKey: Uint8Array;
  /** Hash that binds the nodes above it. */
  readonly parentHash: Uint8Array;
  /** Leaves below, in ascending order, whose members do not have the private key. */
  readonly unmergedLeaves: readonly number[];
}

/** A step on the way from a leaf to the root. */
export interface PathStep {
  /** The node. */
  readonly node: number;
  /** Its child that is not on the way. */
  readonly copath: number;
}

/** More members than any call can have: a bound for what a hostile tree costs. */
export const MAX_LEAVES = 4096;

const LEAF = 1;
const PARENT = 2;

/** A ratchet tree. It has always at least one leaf. */
export class RatchetTree {
  #leaves: (LeafNode | undefined)[];
  #parents: (ParentNode | undefined)[];
  /** Tree hashes by node; what changes below a node empties its place. */
  #hashes: (Uint8Array | undefined)[];

  private constructor(
    leaves: (LeafNode | undefined)[],
    parents: (ParentNode | undefined)[],
    hashes: (Uint8Array | undefined)[],
  ) {
    this.#leaves = leaves;
    this.#parents = parents;
    this.#hashes = hashes;
  }

  /** The tree of a single member. */
  static ofMember(leaf: LeafNode): RatchetTree {
    return new RatchetTree([leaf], [], []);
  }

  /**
   * Reads the data of a ratchet_tree extension.
   *
   * @throws {MlsError} Its form is wrong. What it says is not checked yet.
   */
  static take(reader: Reader): RatchetTree {
    const leaves: (LeafNode | undefined)[] = [];
    const parents: (ParentNode | undefined)[] = [];
    let blankEnd = true;
    reader.list((item) => {
      const isLeaf = leaves.length === parents.length;
      if (isLeaf && leaves.length === MAX_LEAVES) {
        throw new MlsError("bad-tree", `Cannot read a tree: it has over ${MAX_LEAVES} leaves`);
      }
      const node = item.optional((node) => takeNode(node, isLeaf));
      blankEnd = node === undefined;
      if (isLeaf) leaves.push(node as LeafNode | undefined);
      else parents.push(node as ParentNode | undefined);
    });
    if (blankEnd) throw new MlsError("bad-tree", "Cannot read a tree: its last node is blank");
    if (leaves.length === parents.length) {
      throw new MlsError("bad-tree", "Cannot read a tree: its last node is no leaf");
    }
    const width = 2 ** Math.ceil(Math.log2(leaves.length));
    while (leaves.length < width) leaves.push(undefined);
    while (parents.length < width - 1) parents.push(undefined);
    return new RatchetTree(leaves, parents, []);
  }

  /** Data of a ratchet_tree extension. */
  encode(): Uint8Array {
    const nodes: Uint8Array[] = [];
    for (let node = 0; node < nodeCount(this.leafCount); node++) {
      nodes.push(optional(this.#encodeNode(node)));
    }
    while (nodes.at(-1)!.length === 1) nodes.pop();
    return vector(...nodes);
  }

  /** A tree that can be changed without this one changing. */
  copy(): RatchetTree {
    return new RatchetTree(this.#leaves.slice(), this.#parents.slice(), this.#hashes.slice());
  }

  /** How many leaves there are, blank ones included: a power of two. */
  get leafCount(): number {
    return this.#leaves.length;
  }

  /** The leaf with an index; `undefined` where it is blank or there is none. */
  leaf(leafIndex: number): LeafNode | undefined {
    return this.#leaves[leafIndex];
  }

  /** The parent at a node; `undefined` where it is blank. */
  parent(node: number): ParentNode | undefined {
    return this.#parents[node >>> 1];
  }

  /** The public key of a node of either kind; `undefined` where it is blank. */
  encryptionKey(node: number): Uint8Array | undefined {
    const holder = level(node) === 0 ? this.leaf(node / 2) : this.parent(node);
    return holder?.encryptionKey;
  }

  /** All members, by ascending index. */
  *members(): Generator<[leafIndex: number, leaf: LeafNode]> {
    for (const [index, leaf] of this.#leaves.entries()) if (leaf !== undefined) yield [index, leaf];
  }

  /** The nodes that together reach all members below a node. */
  resolution(node: number): number[] {
    if (level(node) === 0) return this.leaf(node / 2) === undefined ? [] : [node];
    const parent = this.parent(node);
    if (parent !== undefined) return [node, ...parent.unmergedLeaves.map((leaf) => 2 * leaf)];
    return [...this.resolution(left(node)), ...this.resolution(right(node))];
  }

  /** The parents above a leaf, from the lowest up, but those with nobody on the other side. */
  filteredDirectPath(leafIndex: number): PathStep[] {
    const steps: PathStep[] = [];
    let below = 2 * leafIndex;
    for (const node of directPath(2 * leafIndex, this.leafCount)) {
      const copath = sibling(below);
      if (this.resolution(copath).length > 0) steps.push({ node, copath });
      below = node;
    }
    return steps;
  }

  /** Puts a new member at the leftmost blank leaf, and tells its index. */
  add(leaf: LeafNode): number {
    let index = this.#leaves.indexOf(undefined);
    if (index < 0) {
      index = this.leafCount;
      this.#grow();
    }
    this.#leaves[index] = leaf;
    this.#forget(index);
    for (const node of directPath(2 * index, this.leafCount)) {
      const parent = this.parent(node);
      if (parent === undefined) continue;
      const unmergedLeaves = [...parent.unmergedLeaves, index].sort((a, b) => a - b);
      this.#parents[node >>> 1] = { ...parent, unmergedLeaves };
    }
    return index;
  }

  /** Takes a member out. */
  remove(leafIndex: number): void {
    this.#leaves[leafIndex] = undefined;
    this.blankPath(leafIndex);
    while (this.leafCount > 1 && this.#isRightHalfBlank()) {
      this.#leaves.length /= 2;
      this.#parents.length = this.leafCount - 1;
      this.#hashes.length = Math.min(this.#hashes.length, nodeCount(this.leafCount));
    }
  }

  /** Replaces the leaf of a member. */
  setLeaf(leafIndex: number, leaf: LeafNode): void {
    this.#leaves[leafIndex] = leaf;
    this.#forget(leafIndex);
  }

  /** Empties all nodes above a leaf. */
  blankPath(leafIndex: number): void {
    for (const node of directPath(2 * leafIndex, this.leafCount)) {
      this.#parents[node >>> 1] = undefined;
    }
    this.#forget(leafIndex);
  }

  /** Replaces a parent. */
  setParent(node: number, parent: ParentNode): void {
    this.#parents[node >>> 1] = parent;
    for (const above of directPath(node, this.leafCount)) this.#hashes[above] = undefined;
    this.#hashes[node] = undefined;
  }

  /** The tree hash of a node and all below it; of the root unless told. */
  hash(suite: MlsCrypto, node: number = root(this.leafCount)): Uint8Array {
    return this.#hashes[node] ??= this.#hashNode(suite, node, []);
  }

  /** The tree hash that a node had before some leaves were added. */
  hashWithout(suite: MlsCrypto, node: number, leaves: readonly number[]): Uint8Array {
    const below = leaves.filter((leaf) => standsWithin(2 * leaf, node));
    return below.length === 0 ? this.hash(suite, node) : this.#hashNode(suite, node, below);
  }

  #hashNode(suite: MlsCrypto, node: number, without: readonly number[]): Uint8Array {
    if (level(node) === 0) {
      const leaf = without.includes(node / 2) ? undefined : this.#encodeContent(node);
      return suite.sha256(concat(u8(LEAF), u32(node / 2), optional(leaf)));
    }
    const parent = this.parent(node);
    const content = parent === undefined ? undefined : encodeParent(parent, without);
    const halves = [left(node), right(node)].map((child) =>
      vector(this.hashWithout(suite, child, without))
    );
    return suite.sha256(concat(u8(PARENT), optional(content), ...halves));
  }

  #encodeNode(node: number): Uint8Array | undefined {
    const content = this.#encodeContent(node);
    return content && concat(u8(level(node) === 0 ? LEAF : PARENT), content);
  }

  #encodeContent(node: number): Uint8Array | undefined {
    if (level(node) === 0) {
      const leaf = this.leaf(node / 2);
      return leaf && encodeLeafNode(leaf);
    }
    const parent = this.parent(node);
    return parent && encodeParent(parent, []);
  }

  #grow(): void {
    const width = 2 * this.leafCount;
    this.#leaves = Array.from({ length: width }, (_, index) => this.#leaves[index]);
    this.#parents = Array.from({ length: width - 1 }, (_, index) => this.#parents[index]);
  }

  #isRightHalfBlank(): boolean {
    return this.#leaves.slice(this.leafCount / 2).every((leaf) => leaf === undefined);
  }

  #forget(leafIndex: number): void {
    this.#hashes[2 * leafIndex] = undefined;
    for (const node of directPath(2 * leafIndex, this.leafCount)) this.#hashes[node] = undefined;
  }
}

function takeNode(reader: Reader, isLeaf: boolean): LeafNode | ParentNode {
  const type = reader.u8();
  if (type !== (isLeaf ? LEAF : PARENT)) {
    throw new MlsError("bad-tree", `Cannot read a tree: a node has type ${type}`);
  }
  return isLeaf ? takeLeafNode(reader) : takeParent(reader);
}

function takeParent(reader: Reader): ParentNode {
  const encryptionKey = reader.vector();
  const parentHash = reader.vector();
  return { encryptionKey, parentHash, unmergedLeaves: reader.list((item) => item.u32()) };
}

function encodeParent(parent: ParentNode, without: readonly number[]): Uint8Array {
  const unmerged = parent.unmergedLeaves.filter((leaf) => !without.includes(leaf));
  return concat(
    vector(parent.encryptionKey),
    vector(parent.parentHash),
    vector(...unmerged.map(u32)),
  );
}
