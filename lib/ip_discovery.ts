/**
 * IP discovery: the client asks its UDP peer from which address its datagrams come.
 *
 * | form | when | request | response |
 * |---|---|---|---|
 * | `74` | since 2019, alone since March 2023 | type u16 (1), length u16 (70), SSRC, 66 zeros | type (2), length (70), SSRC, address (64 bytes), port |
 * | `70be` | 2019 to 2023 | SSRC, 66 zeros | 4 bytes, address (64 bytes), port |
 * | `70le` | to 2019 | as `70be` | as `70be`, but the port is little endian |
 * | `70hybrid` | discord.py, 2020 to 2023 | type (1), length (70), SSRC, 62 zeros | as `70be` |
 *
 * An address is NUL-terminated text, integers are big endian. The first four bytes of a 70-byte
 * response are opaque: a server repeats the SSRC there, but clients of the time did not look.
 * So nothing marks such a response; it is known by its size and by being awaited.
 *
 * @module
 */

import { readU32, writeU32 } from "./rtp_header.ts";

/** Bytes of a discovery request and of its response, in the 74-byte form. */
export const DISCOVERY_SIZE = 74;

/** A generation of IP discovery; see the table above. */
export type DiscoveryForm = "74" | "70be" | "70le" | "70hybrid";

const REQUEST = 1;
const RESPONSE = 2;
const OLD_SIZE = 70;
/** What the length field says: the bytes behind it. */
const LENGTH_FIELD = 70;
const HEAD_SIZE = 8;
const ADDRESS_FIELD_SIZE = 64;

interface FormLayout {
  /** Bytes of the request and of the response. */
  readonly size: number;
  /** Whether a request begins with type and length. */
  readonly marked: boolean;
  /** Offset of the response's address; the port follows it. */
  readonly addressOffset: number;
  readonly littleEndian: boolean;
}

const OLD = { size: OLD_SIZE, marked: false, addressOffset: 4, littleEndian: false };
const FORMS: { readonly [F in DiscoveryForm]: FormLayout } = {
  "74": { size: DISCOVERY_SIZE, marked: true, addressOffset: HEAD_SIZE, littleEndian: false },
  "70be": OLD,
  "70le": { ...OLD, littleEndian: true },
  "70hybrid": { ...OLD, marked: true },
};

/** All forms of IP discovery; the first is the present one. */
export const DISCOVERY_FORMS: readonly DiscoveryForm[] = ["74", "70be", "70le", "70hybrid"];

/** The address that a client has, seen from the voice server. */
export interface DiscoveredAddress {
  /** IPv4 or IPv6 address in text form. */
  readonly address: string;
  /** UDP port, 1 to 65535. */
  readonly port: number;
}

/** What a discovery request asks for. */
export interface DiscoveryRequest {
  /** SSRC of the client. */
  readonly ssrc: number;
  /** Form of the request; `70be` stands for `70le` too. */
  readonly form: DiscoveryForm;
}

/** Why a datagram is not the response that is awaited. */
export type DiscoveryFault =
  | "wrong-size"
  | "wrong-type"
  | "wrong-length"
  | "wrong-ssrc"
  | "bad-address"
  | "bad-port";

/** Milliseconds until an unanswered request is sent again; doubles each time. */
export const DISCOVERY_DELAY = 200;

/** Requests that are sent before UDP is taken for blocked. */
export const DISCOVERY_LIMIT = 5;

/** Sends a discovery request again until it is answered: UDP loses datagrams. */
export class DiscoveryRetry {
  #count = 0;

  /** Starts anew. */
  reset(): void {
    this.#count = 0;
  }

  /**
   * A request is about to be sent.
   *
   * @returns Milliseconds to wait for its answer, or `undefined` where the last wait was in vain.
   */
  next(): number | undefined {
    return this.#count < DISCOVERY_LIMIT ? DISCOVERY_DELAY * 2 ** this.#count++ : undefined;
  }
}

/**
 * Builds a discovery request. What follows the SSRC is zero: some servers reject anything else.
 *
 * @param ssrc The client's SSRC.
 * @param form Its generation; the present one by default.
 * @returns 74 or 70 bytes.
 */
export function discoveryRequest(ssrc: number, form: DiscoveryForm = "74"): Uint8Array {
  const { size, marked } = FORMS[form];
  const request = new Uint8Array(size);
  if (marked) writeHead(request, REQUEST, ssrc);
  else writeU32(request, 0, ssrc);
  return request;
}

/**
 * Builds a discovery response, as a server does.
 *
 * @param ssrc The SSRC of the request.
 * @param from The address that the request came from.
 * @param form Its generation; the present one by default.
 * @returns 74 or 70 bytes.
 * @throws {RangeError} The address does not fit its field.
 */
export function discoveryResponse(
  ssrc: number,
  from: DiscoveredAddress,
  form: DiscoveryForm = "74",
): Uint8Array {
  const { address, port } = from;
  if (address.length >= ADDRESS_FIELD_SIZE) {
    throw new RangeError(
      `Cannot build a discovery response: the address has ${address.length} characters, ` +
        `at most ${ADDRESS_FIELD_SIZE - 1} fit`,
    );
  }
  const { size, addressOffset, littleEndian } = FORMS[form];
  const response = new Uint8Array(size);
  if (form === "74") writeHead(response, RESPONSE, ssrc);
  else writeU32(response, 0, ssrc);
  for (let i = 0; i < address.length; i++) response[addressOffset + i] = address.charCodeAt(i);
  response[size - 2] = littleEndian ? port : port >>> 8;
  response[size - 1] = littleEndian ? port >>> 8 : port;
  return response;
}

/**
 * Parses a discovery request, as a server does.
 *
 * Where a request begins with type and length, it does not matter what follows its SSRC: some
 * clients do not clear it, and only some of Discord's servers reject them. A request that does not is
 * known by its zeros only. `70be` and `70le` are asked for in the same way: both are `70be`. A 70-byte
 * request that begins with type and length is `70hybrid`, unless all that follows is zero: then
 * it is `70be` of the SSRC 0x00010046.
 *
 * @param datagram Any datagram.
 * @returns SSRC and form, or `undefined` where it is no request.
 */
export function parseDiscoveryRequest(datagram: Uint8Array): DiscoveryRequest | undefined {
  if (datagram.length !== DISCOVERY_SIZE && datagram.length !== OLD_SIZE) return undefined;
  const [head, next] = [readU32(datagram, 0), readU32(datagram, 4)];
  const marked = head === (REQUEST << 16 | LENGTH_FIELD);
  if (datagram.length === DISCOVERY_SIZE) return marked ? { ssrc: next, form: "74" } : undefined;
  if (isZeroFrom(datagram, 4)) return { ssrc: head, form: "70be" };
  return marked ? { ssrc: next, form: "70hybrid" } : undefined;
}

/**
 * Tells whether a datagram has the size and the type of a discovery request that begins with a
 * type: the forms `74` and `70hybrid`. Where it is none for `parseDiscoveryRequest`, it is a
 * malformed one.
 *
 * @param datagram Any datagram.
 */
export function looksLikeDiscoveryRequest(datagram: Uint8Array): boolean {
  return (datagram.length === DISCOVERY_SIZE || datagram.length === OLD_SIZE) &&
    readU16(datagram, 0) === REQUEST;
}

/**
 * Tells whether a datagram has the size of a discovery response, and in the 74-byte form its
 * type. In the other forms that is all there is to see.
 *
 * @param datagram Any datagram.
 * @param form The form of the request; the present one by default.
 */
export function isDiscoveryResponse(datagram: Uint8Array, form: DiscoveryForm = "74"): boolean {
  return datagram.length === FORMS[form].size &&
    (form !== "74" || readU16(datagram, 0) === RESPONSE);
}

/**
 * Parses a discovery response, strictly.
 *
 * @param datagram Any datagram.
 * @param ssrc The SSRC of the request. The 70-byte forms do not look at it.
 * @param form The form of the request; the present one by default.
 * @returns The address, or why the datagram is rejected.
 */
export function parseDiscoveryResponse(
  datagram: Uint8Array,
  ssrc: number,
  form: DiscoveryForm = "74",
): DiscoveredAddress | DiscoveryFault {
  const { size, addressOffset, littleEndian } = FORMS[form];
  if (datagram.length !== size) return "wrong-size";
  if (form === "74") {
    if (readU16(datagram, 0) !== RESPONSE) return "wrong-type";
    if (readU16(datagram, 2) !== LENGTH_FIELD) return "wrong-length";
    if (readU32(datagram, 4) !== ssrc) return "wrong-ssrc";
  }
  const address = readAddress(datagram.subarray(addressOffset, size - 2));
  if (address === undefined) return "bad-address";
  const port = littleEndian
    ? datagram[size - 1] << 8 | datagram[size - 2]
    : readU16(datagram, size - 2);
  return port === 0 ? "bad-port" : { address, port };
}

/** Tells whether `text` is an IPv4 address in dotted decimal form. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && +part < 256);
}

/**
 * Tells whether `text` is an IPv6 address (RFC 4291 section 2.2): eight groups of hexadecimal
 * digits, `::` once for one or more groups of zeros, the last two perhaps as IPv4. No zone.
 */
export function isIpv6(text: string): boolean {
  const [head, tail, ...more] = text.split("::");
  if (more.length > 0) return false;
  if (tail === undefined) return groupsOf(head, true) === 8;
  return groupsOf(head, false) + groupsOf(tail, true) < 8;
}

/** How many groups there are; `NaN` where one is malformed. */
function groupsOf(text: string, last: boolean): number {
  if (text === "") return 0;
  const groups = text.split(":");
  const ipv4 = last && isIpv4(groups[groups.length - 1]);
  const hexadecimal = ipv4 ? groups.slice(0, -1) : groups;
  if (!hexadecimal.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return NaN;
  return hexadecimal.length + (ipv4 ? 2 : 0);
}

/** The address in its field: text up to the first NUL. */
function readAddress(field: Uint8Array): string | undefined {
  const end = field.indexOf(0);
  if (end < 0) return undefined;
  const text = String.fromCharCode(...field.subarray(0, end));
  return isIpv4(text) || isIpv6(text) ? text : undefined;
}

function writeHead(datagram: Uint8Array, type: number, ssrc: number): void {
  datagram[1] = type;
  datagram[3] = LENGTH_FIELD;
  writeU32(datagram, 4, ssrc);
}

function isZeroFrom(datagram: Uint8Array, offset: number): boolean {
  for (let i = offset; i < datagram.length; i++) if (datagram[i] !== 0) return false;
  return true;
}

function readU16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}
