/**
 * Whose the leaves of a group are. Of the tree the delivery service knows no more: the leaf of
 * its founder is told to nobody but those who join.
 *
 * @module
 */

import type { RoomLeaf } from "./member.ts";

/** The leaves of one group. */
export class RoomLeaves<Client> {
  readonly #leaves: (RoomLeaf<Client> | undefined)[] = [];

  /** How many have an owner, or had one. */
  get size(): number {
    return [...this].length;
  }

  /** All leaves that are not blank. */
  *[Symbol.iterator](): Generator<RoomLeaf<Client>> {
    for (const leaf of this.#leaves) if (leaf !== undefined) yield leaf;
  }

  /** Index of a leaf. */
  indexOf(leaf: RoomLeaf<Client>): number {
    return this.#leaves.indexOf(leaf);
  }

  /** Puts a new leaf where MLS puts it: at the first blank place. */
  add(leaf: RoomLeaf<Client>): void {
    const blank = this.#leaves.indexOf(undefined);
    if (blank < 0) this.#leaves.push(leaf);
    else this.#leaves[blank] = leaf;
  }

  /** Blanks a leaf. */
  remove(leaf: RoomLeaf<Client>): void {
    this.#leaves[this.indexOf(leaf)] = undefined;
  }

  /** There is no group any more. */
  clear(): void {
    this.#leaves.length = 0;
  }
}
