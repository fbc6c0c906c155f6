/**
 * Where nodes stand in a complete balanced binary tree that is kept in an array (RFC 9420
 * appendix C): leaf i at 2i, the parents between them. A node's index does not change when the
 * tree grows or shrinks at its right end.
 *
 * @module
 */

/** How far a node stands above the leaves. */
export function level(node: number): number {
  return 31 - Math.clz32(~node & (node + 1));
}

/** How many nodes a tree with so many leaves has. */
export function nodeCount(leafCount: number): number {
  return 2 * leafCount - 1;
}

/** The topmost node of a tree with so many leaves: a power of two. */
export function root(leafCount: number): number {
  return leafCount - 1;
}

/** The left child of a parent. */
export function left(node: number): number {
  return node ^ (1 << (level(node) - 1));
}

/** The right child of a parent. */
export function right(node: number): number {
  return node ^ (3 << (level(node) - 1));
}

/** The parent of a node that is not the root. */
export function parent(node: number): number {
  const k = level(node);
  return (node | (1 << k)) & ~(2 << k);
}

/** The other child of the parent. */
export function sibling(node: number): number {
  const above = parent(node);
  return node < above ? right(above) : left(above);
}

/** The parents above a node, from the lowest to the root. */
export function directPath(node: number, leafCount: number): number[] {
  const path: number[] = [];
  const top = root(leafCount);
  while (node !== top) {
    node = parent(node);
    path.push(node);
  }
  return path;
}

/** Whether a node is another one or stands below it. */
export function standsWithin(node: number, subtree: number): boolean {
  const reach = (1 << level(subtree)) - 1;
  return node >= subtree - reach && node <= subtree + reach;
}
