/**
 * The elements of Matroska (RFC 9559, section 5) that matter to who wants the packets of one
 * track, and those that can stand behind a Cluster of unknown size and so end it.
 *
 * @module
 */

/** How the body of an element is read. */
export type ElementKind = "master" | "uint" | "int" | "float" | "binary" | "block" | "skipped";

/** An element as the specification has it. */
export interface MatroskaElement {
  /** Its name. */
  readonly name: string;
  /** Its ID, with the length marker. */
  readonly id: number;
  /** How its body is read. */
  readonly kind: ElementKind;
  /** ID of the master that it is in; `undefined` for the top level. */
  readonly parent: number | undefined;
}

/** IDs by name. */
export const MatroskaId = {
  EBML: 0x1a45dfa3,
  DocType: 0x4282,
  Segment: 0x18538067,
  Info: 0x1549a966,
  TimestampScale: 0x2ad7b1,
  Duration: 0x4489,
  Tracks: 0x1654ae6b,
  TrackEntry: 0xae,
  TrackNumber: 0xd7,
  TrackType: 0x83,
  CodecID: 0x86,
  CodecPrivate: 0x63a2,
  CodecDelay: 0x56aa,
  SeekPreRoll: 0x56bb,
  ContentEncodings: 0x6d80,
  ContentEncoding: 0x6240,
  ContentEncodingScope: 0x5032,
  ContentEncodingType: 0x5033,
  ContentCompression: 0x5034,
  ContentCompAlgo: 0x4254,
  ContentCompSettings: 0x4255,
  Cluster: 0x1f43b675,
  Timestamp: 0xe7,
  SimpleBlock: 0xa3,
  BlockGroup: 0xa0,
  Block: 0xa1,
  DiscardPadding: 0x75a2,
  SeekHead: 0x114d9b74,
  Cues: 0x1c53bb6b,
  Chapters: 0x1043a770,
  Tags: 0x1254c367,
  Attachments: 0x1941a469,
} as const;

/** The elements by ID. What is not here is skipped wherever it stands: Void, CRC-32 and others. */
export const MATROSKA_ELEMENTS: ReadonlyMap<number, MatroskaElement> = /* @__PURE__ */ tableOf([
  [undefined, "master", ["EBML", "Segment"]],
  ["EBML", "binary", ["DocType"]],
  ["Segment", "master", ["Info", "Tracks", "Cluster"]],
  ["Segment", "skipped", ["SeekHead", "Cues", "Chapters", "Tags", "Attachments"]],
  ["Info", "uint", ["TimestampScale"]],
  ["Info", "float", ["Duration"]],
  ["Tracks", "master", ["TrackEntry"]],
  ["TrackEntry", "uint", ["TrackNumber", "TrackType", "CodecDelay", "SeekPreRoll"]],
  ["TrackEntry", "binary", ["CodecID", "CodecPrivate"]],
  ["TrackEntry", "master", ["ContentEncodings"]],
  ["ContentEncodings", "master", ["ContentEncoding"]],
  ["ContentEncoding", "uint", ["ContentEncodingScope", "ContentEncodingType"]],
  ["ContentEncoding", "master", ["ContentCompression"]],
  ["ContentCompression", "uint", ["ContentCompAlgo"]],
  ["ContentCompression", "binary", ["ContentCompSettings"]],
  ["Cluster", "uint", ["Timestamp"]],
  ["Cluster", "block", ["SimpleBlock"]],
  ["Cluster", "master", ["BlockGroup"]],
  ["BlockGroup", "block", ["Block"]],
  ["BlockGroup", "int", ["DiscardPadding"]],
]);

type Name = keyof typeof MatroskaId;

function tableOf(
  rows: readonly (readonly [Name | undefined, ElementKind, readonly Name[]])[],
): ReadonlyMap<number, MatroskaElement> {
  return new Map(rows.flatMap(([parent, kind, names]) =>
    names.map((name) => {
      const id = MatroskaId[name];
      return [id, { name, id, kind, parent: parent && MatroskaId[parent] }] as const;
    })
  ));
}
