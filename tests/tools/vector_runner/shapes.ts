/**
 * Tells the shape of a vector file by its content, never by its name.
 *
 * @module
 */

import { checkCapture } from "./captures.ts";
import { caseOf, ShapeError, type VectorCase } from "./case.ts";
import { checkDiscoveryCapture } from "./discovery.ts";
import { type Fields, isFields } from "./fields.ts";
import { checkDocumented, checkSerenity } from "./payloads.ts";
import { checkCloseCode, checkOpusHead, checkSpeaker } from "./small_shapes.ts";
import { transportCases } from "./transport.ts";
import { wycheproofCases } from "./wycheproof.ts";

type Check = (fields: Fields) => string | void;

/** What a case of `cases` is, by a field that no other shape has. */
const CHECKS: readonly (readonly [field: string, check: Check])[] = [
  ["packet_hex", checkCapture],
  ["request_hex", checkDiscoveryCapture],
  ["response_hex", checkDiscoveryCapture],
  ["datagram_hex", checkDiscoveryCapture],
  ["extension_byte", checkSpeaker],
  ["opus_head_hex", checkOpusHead],
  ["message", checkDocumented],
  ["json", checkSerenity],
  ["json_value", checkSerenity],
  ["code", checkCloseCode],
];

/**
 * Takes a vector file apart.
 *
 * @param file The parsed file.
 * @returns Its cases, at least one.
 * @throws {ShapeError} Its shape is not known.
 */
export function casesOf(file: unknown): VectorCase[] {
  if (!isFields(file)) throw new ShapeError("it is no object");
  const cases = transportCases(file) ?? wycheproofCases(file) ?? listedCases(file);
  if (cases.length === 0) throw new ShapeError("it has no cases");
  return cases;
}

function listedCases({ cases, what }: Fields): VectorCase[] {
  if (!Array.isArray(cases)) throw new ShapeError("it has no vectors, testGroups or cases");
  const known = cases.map(checkOf);
  // A case that is malformed is one of the file's other cases.
  const usual = known.find((check) => check !== undefined);
  if (usual === undefined) {
    const about = typeof what === "string" ? ` (${what.slice(0, 80)})` : "";
    throw new ShapeError(`its cases are none of the transport or the gateway${about}`);
  }
  return cases.map((item, index) => caseOf(`cases[${index}]`, item, known[index] ?? usual));
}

function checkOf(item: unknown): Check | undefined {
  if (!isFields(item)) return undefined;
  return CHECKS.find(([field]) => Object.hasOwn(item, field))?.[1];
}
