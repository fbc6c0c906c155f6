/**
 * A user's voice as an Ogg Opus file, as it came: nothing is decoded.
 *
 * The stream drops nothing from its start (pre-skip 0), so that a sample is at the same place as
 * in a WAV recording of the same call. Its end is trimmed to the sample (RFC 7845, section 4.4).
 *
 * @module
 */

import { OggOpusWriter } from "../../lib/audio/ogg_writer.ts";
import { OpusTrackAssembler, type PlacedPacket } from "../../lib/audio/opus_track.ts";
import { packetDuration } from "../../lib/audio/opus_toc.ts";
import type { Disk } from "./disk.ts";
import type { Track } from "./track.ts";

/** Bytes that are kept in memory before they are written. */
const BUFFER_SIZE = 65_536;

/** Writes packets where they belong. */
export class OggTrack implements Track<PlacedPacket> {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #created: Promise<void>;
  readonly #assembler = new OpusTrackAssembler();
  readonly #writer = new OggOpusWriter({ preSkip: 0 });
  #pages: Uint8Array[] = [];
  #size = 0; // bytes of the pages
  #position = 0; // in the file
  #spoken = 0;
  #concealed = 0;
  #late = 0;

  /** Makes the file; an older one is replaced. Where that fails, the next operation does. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    this.#push(this.#writer.header());
    this.#created = disk.create(path);
    this.#created.catch(() => {});
  }

  get length(): number {
    return this.#assembler.length;
  }

  get spoken(): number {
    return this.#spoken;
  }

  get concealed(): number {
    return this.#concealed;
  }

  get late(): number {
    return this.#late;
  }

  async write(packet: PlacedPacket, position: number, limit: number): Promise<void> {
    const before = this.#assembler.late;
    const packets = this.#place({ ...packet, position }, limit);
    if (this.#assembler.late > before) this.#late += packet.duration;
    await this.#append(packets, packet.opus);
  }

  async flush(): Promise<void> {
    await this.#created;
    const pages = this.#pages;
    const position = this.#position;
    if (pages.length === 0) return;
    this.#pages = [];
    this.#position += this.#size;
    this.#size = 0;
    await this.#disk.write(this.#path, joined(pages), position);
  }

  async finish(length: number): Promise<void> {
    await this.#append(this.#assembler.pad(length));
    this.#push(this.#writer.end(this.length - length));
    await this.flush();
  }

  takePeak(): undefined {
    return undefined;
  }

  /** A packet that is none is left out; the speaker counts it. */
  #place(packet: PlacedPacket, limit: number): Iterable<Uint8Array> {
    try {
      return this.#assembler.place(packet, limit);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return [];
    }
  }

  async #append(packets: Iterable<Uint8Array>, voice?: Uint8Array): Promise<void> {
    for (const packet of packets) {
      if (packet === voice) this.#spoken += packetDuration(packet);
      else if (packet.length === 1) this.#concealed++;
      this.#push(this.#writer.write(packet));
      if (this.#size >= BUFFER_SIZE) await this.flush();
    }
  }

  #push(pages: Uint8Array): void {
    if (pages.length === 0) return;
    this.#pages.push(pages);
    this.#size += pages.length;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
