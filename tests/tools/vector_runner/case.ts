/**
 * What a shape of vector files gives to the runner.
 *
 * @module
 */

import { type Fields, isFields } from "./fields.ts";

/** One case of a vector file. */
export interface VectorCase {
  /** What the file calls it; `undefined` where it has no name. */
  readonly id: string | number | undefined;
  /** Where in the file it stands, for cases with equal ids. */
  readonly section: string;
  /**
   * Runs it through the core.
   *
   * @returns What is to be said of it, if anything.
   * @throws {Error} The core does not do what the vector says; the message is why.
   */
  readonly check: () => string | void;
}

/** A file of a shape that is not run. */
export class ShapeError extends Error {
  /** Name of the class. */
  override readonly name = "ShapeError";
}

/** Finds what a case is called. */
export function idOf(item: unknown): string | number | undefined {
  if (!isFields(item)) return undefined;
  return ID_FIELDS.map((name) => item[name]).find(isId);
}

/** Makes a case of an item; one that is no object fails. */
export function caseOf(
  section: string,
  item: unknown,
  check: (fields: Fields) => string | void,
): VectorCase {
  return {
    id: idOf(item),
    section,
    check: () => {
      if (!isFields(item)) throw new Error("The case must be an object");
      return check(item);
    },
  };
}

const ID_FIELDS = ["id", "name", "tcId", "code"];

function isId(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
