/**
 * IP discovery: requests and responses of each form, built and parsed.
 *
 * @module
 */

import {
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
  parseDiscoveryRequest,
  parseDiscoveryResponse,
} from "../../../lib/ip_discovery.ts";
import { readU32 } from "../../../lib/rtp_header.ts";
import {
  expectEqual,
  fail,
  type Fields,
  fieldsOf,
  hexField,
  integerField,
  textField,
} from "./fields.ts";

const OPAQUE: readonly DiscoveryForm[] = ["70le", "70be", "70hybrid"];

/** Builds and parses a datagram of `transport.json`. @throws {Error} It is another. */
export function checkDiscovery(vector: Fields): void {
  const form = formOf(textField(vector, "era"));
  const packet = hexField(vector, "packet");
  const fields = fieldsOf(vector.fields, '"fields"');
  if ("packet_len" in vector) expectEqual("packet_len", packet.length, vector.packet_len);
  const direction = textField(vector, "direction");
  if (direction === "c2s") checkRequest(packet, integerField(fields, "ssrc"), form);
  else if (direction === "s2c") checkResponse(packet, fields, form);
  else fail(`"direction" is ${direction}`);
}

/** Builds and parses a datagram of `ip_discovery.json`. @throws {Error} It is another. */
export function checkDiscoveryCapture(vector: Fields): string | void {
  if ("request_hex" in vector) {
    return checkRequest(hexField(vector, "request_hex"), integerField(vector, "ssrc"), "74");
  }
  if ("response_hex" in vector) {
    return checkResponse(hexField(vector, "response_hex"), vector, "74");
  }
  const datagram = hexField(vector, "datagram_hex");
  if (!/^ignored/.test(textField(vector, "expect"))) fail('"expect" must begin with "ignored"');
  return discoveryRejection(datagram, undefined) ?? fail("The core takes it for a response");
}

/**
 * Why the core rejects a datagram as a response of the 74-byte form.
 *
 * @param datagram The datagram.
 * @param ssrc The SSRC of the request, where it is known.
 * @returns The reason, or `undefined` where the core accepts it.
 */
export function discoveryRejection(
  datagram: Uint8Array,
  ssrc: number | undefined,
): string | undefined {
  // First with its own SSRC, so that a wrong one does not hide what else is wrong.
  const own = datagram.length >= 8 ? readU32(datagram, 4) : 0;
  const result = parseDiscoveryResponse(datagram, own, "74");
  if (typeof result === "string" || ssrc === undefined) {
    return typeof result === "string" ? result : undefined;
  }
  const strict = parseDiscoveryResponse(datagram, ssrc, "74");
  return typeof strict === "string" ? strict : undefined;
}

function checkRequest(packet: Uint8Array, ssrc: number, form: DiscoveryForm): void {
  expectEqual("The request", discoveryRequest(ssrc, form), packet);
  // Both ways to answer are asked for alike.
  const asked = form === "70le" ? "70be" : form;
  expectEqual("What a server reads", parseDiscoveryRequest(packet), { ssrc, form: asked });
}

function checkResponse(packet: Uint8Array, fields: Fields, form: DiscoveryForm): void {
  const ssrc = integerField(fields, "ssrc");
  const ip = textField(fields, "ip");
  const port = integerField(fields, "port", 0xffff);
  const parsed = parseDiscoveryResponse(packet, ssrc, form);
  if (typeof parsed === "string") fail(`The core rejects it: ${parsed}`);
  expectEqual("The address", parsed, { address: ip, port });
  // The 70-byte forms give the request's first bytes back, which is not always its SSRC.
  if (OPAQUE.includes(form)) expectEqual("The SSRC", readU32(packet, 0), ssrc);
  expectEqual("The response", discoveryResponse(ssrc, { address: ip, port }, form), packet);
}

/** The form that a description means. */
function formOf(era: string): DiscoveryForm {
  if (/^70\b.*74 byte style/.test(era)) return "70hybrid";
  if (/^70\b.*little endian/.test(era)) return "70le";
  if (/^70\b.*big endian/.test(era)) return "70be";
  return /^74\b/.test(era) ? "74" : fail(`"era" is ${JSON.stringify(era)}, which is no form`);
}
