/**
 * How long a file in memory lasts, without taking it apart: for a display, and for seeking.
 *
 * @module
 */

import { parseOpusHead } from "./ogg_opus.ts";
import { OpusTimeline } from "./opus_timeline.ts";
import { packetDuration, SAMPLE_RATE } from "./opus_toc.ts";
import { WebmOpusDemuxer } from "./webm_opus.ts";

/**
 * Duration of an Ogg Opus file (RFC 7845, section 4.4): the samples up to the last granule
 * position less pre-skip, over all links of a chain. Goes from page to page without reading
 * what is in them, so it does not notice damage.
 *
 * @param bytes The file, or as much of it as there is.
 * @returns Milliseconds, or `undefined` where there is no Opus in Ogg.
 *
 * @example Two packets of 20 ms, less 6.5 ms
 * ```ts
 * import { OPUS_SILENCE, oggOpusDuration, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const silence = Uint8Array.from(OPUS_SILENCE);
 * assertEquals(oggOpusDuration(writeOggOpus([silence, silence], { preSkip: 312 })), 33.5);
 * ```
 */
export function oggOpusDuration(bytes: Uint8Array): number | undefined {
  const timeline = new OpusTimeline();
  const samples = new PageSamples();
  let serial: number | undefined;
  let link: "headers" | "audio" | undefined;
  for (const page of pagesOf(bytes)) {
    const preSkip = page.bos ? preSkipOf(page.body) : undefined;
    if (preSkip !== undefined && (page.serial === serial || link !== "headers")) {
      timeline.begin(preSkip);
      serial = page.serial;
      link = "headers";
    } else if (page.serial === serial) {
      const hasTags = link === "headers";
      // The comment header ends the page that it ends on (RFC 7845, section 3).
      if (hasTags && page.granule !== undefined) link = "audio";
      if (!hasTags) timeline.take(samples.take(page), page.granule);
    }
  }
  return serial === undefined ? undefined : timeline.length;
}

/**
 * Duration of a WebM or Matroska file with Opus: what the file says, else where its last packet
 * ends.
 *
 * @param bytes The file, or as much of it as there is.
 * @returns Milliseconds, or `undefined` where there is no Opus that could be read.
 */
export function webmOpusDuration(bytes: Uint8Array): number | undefined {
  const demuxer = new WebmOpusDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  let end: number | undefined;
  try {
    let next = demuxer.pull();
    if (demuxer.duration !== undefined && demuxer.track !== undefined) return demuxer.duration;
    for (; next !== undefined; next = demuxer.pull()) {
      const { time, duration, discard } = next;
      const heard = duration - Math.max(0, discard);
      end = Math.max(end ?? 0, time + heard * 1000 / SAMPLE_RATE);
    }
  } catch {
    // What comes before the bad spot has a duration as well.
  }
  return end ?? (demuxer.track && (demuxer.duration ?? 0));
}

/** What matters of a page; the checksum does not. */
interface Page {
  readonly serial: number;
  readonly granule: bigint | undefined;
  readonly continued: boolean;
  readonly bos: boolean;
  readonly lacing: Uint8Array;
  readonly body: Uint8Array;
}

/** The pages of an Ogg file (RFC 3533, section 6); between them may be anything. */
function* pagesOf(bytes: Uint8Array): Generator<Page, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 27 <= bytes.length;) {
    if (view.getUint32(at) !== CAPTURE_PATTERN) {
      const next = bytes.indexOf(CAPTURE_PATTERN >>> 24, at + 1);
      if (next === -1) return;
      at = next;
      continue;
    }
    const bodyAt = at + 27 + bytes[at + 26];
    const lacing = bytes.subarray(at + 27, bodyAt);
    const end = lacing.reduce((sum, size) => sum + size, bodyAt);
    if (end > bytes.length) return;
    const granule = view.getBigInt64(at + 6, true);
    yield {
      serial: view.getUint32(at + 14, true),
      granule: granule === -1n ? undefined : granule,
      continued: (bytes[at + 5] & 1) !== 0,
      bos: (bytes[at + 5] & 2) !== 0,
      lacing,
      body: bytes.subarray(bodyAt, end),
    };
    at = end;
  }
}

/** Counts the samples of packets that end on each page. */
class PageSamples {
  #open = 0; // of the packet that goes on on the next page

  /** Takes the next page of a stream. */
  take({ lacing, body, continued }: Page): number {
    let sum = 0;
    let at = 0;
    let begins = !continued;
    for (const size of lacing) {
      if (begins) this.#open = samplesOf(body.subarray(at, at + 2));
      at += size;
      begins = size < 255;
      if (begins) sum += this.#open;
    }
    return sum;
  }
}

/** Samples of a packet by its first two bytes; 0 where it is none. */
function samplesOf(beginning: Uint8Array): number {
  try {
    return packetDuration(beginning);
  } catch {
    return 0;
  }
}

function preSkipOf(body: Uint8Array): number | undefined {
  try {
    return parseOpusHead(body).preSkip;
  } catch {
    return undefined;
  }
}

const CAPTURE_PATTERN = 0x4f676753; // "OggS"
