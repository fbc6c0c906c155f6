import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  directPath,
  left,
  level,
  nodeCount,
  parent,
  right,
  root,
  sibling,
  standsWithin,
} from "../../../../lib/dave/mls/tree_math.ts";
import { rfcCases } from "./vectors.ts";

interface TreeMathCase {
  readonly n_leaves: number;
  readonly n_nodes: number;
  readonly root: number;
  readonly left: readonly (number | null)[];
  readonly right: readonly (number | null)[];
  readonly parent: readonly (number | null)[];
  readonly sibling: readonly (number | null)[];
}

test("tree math agrees with RFC 9420's vectors, all 6", () => {
  const cases = rfcCases<TreeMathCase>("tree-math");
  for (const vector of cases) {
    const nodes = Array.from({ length: nodeCount(vector.n_leaves) }, (_, node) => node);
    const top = root(vector.n_leaves);
    const below = (move: (node: number) => number) =>
      nodes.map((node) => node === top ? null : move(node));
    const above = (move: (node: number) => number) =>
      nodes.map((node) => level(node) === 0 ? null : move(node));
    assertEquals(nodes.length, vector.n_nodes);
    assertEquals(top, vector.root);
    assertEquals(above(left), vector.left);
    assertEquals(above(right), vector.right);
    assertEquals(below(parent), vector.parent);
    assertEquals(below(sibling), vector.sibling);
  }
  assertEquals(cases.length, 6);
});

test("directPath() leads to the root, and standsWithin() holds for exactly what is on it", () => {
  assertEquals(directPath(10, 8), [9, 11, 7]);
  assertEquals(directPath(0, 1), []);
  for (let node = 0; node < 31; node++) {
    const path = [node, ...directPath(node, 16)];
    const holders = Array.from({ length: 31 }, (_, subtree) => subtree)
      .filter((subtree) => standsWithin(node, subtree));
    assertEquals(holders, path.toSorted((a, b) => a - b));
  }
});
