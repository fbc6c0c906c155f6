/**
 * Fifty Opus decoders and ten encoders that are alive at once, as in a bot that hears many and
 * plays in several channels, with losses, FEC and packets that are none. All that they make is
 * held against what one codec of each kind made that was alone.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  createOpus,
  type OpusCodec,
  type OpusCodecOptions,
  type OpusImplementation,
} from "../../adapters/opus.ts";
import { digest, packetsOf } from "../adapters/opus/sound.ts";

const FRAME = 960;
const SPEECH: OpusCodecOptions = { application: "voip", bitrate: 32000, fec: true };
const NO_PACKET = Uint8Array.of(0xfd, 1, 2, 3); // two frames of equal size in 3 bytes

/** Does what is due at a frame, and returns the digest of what came out. */
type Work = (codec: OpusCodec, index: number) => number;

/** Codecs that do the same. */
interface Kind {
  readonly count: number;
  readonly options: OpusCodecOptions;
  readonly work: Work;
}

/** A kind's codecs with the digests that are expected of each. */
interface Group {
  readonly codecs: readonly OpusCodec[];
  readonly work: Work;
  readonly expected: readonly number[];
}

/** All the codecs. */
export class OpusStage implements Disposable {
  readonly #groups: readonly Group[];
  #index = 0;

  private constructor(groups: readonly Group[]) {
    this.#groups = groups;
  }

  /**
   * Lets one codec of each kind work alone, then makes them all.
   *
   * @param implementation Their package.
   * @param frameCount How many frames of 20 ms they will work.
   * @returns The stage.
   */
  static async open(implementation: OpusImplementation, frameCount: number): Promise<OpusStage> {
    const make = (options: OpusCodecOptions) => createOpus({ ...options, implementation });
    const groups: (Group & Kind)[] = [];
    for (const kind of await kindsOf()) {
      using alone = await make(kind.options);
      const expected = Array.from({ length: frameCount }, (_, i) => kind.work(alone, i));
      groups.push({ ...kind, expected, codecs: [] });
    }
    return new OpusStage(
      await Promise.all(groups.map(async (group) => ({
        ...group,
        codecs: await Promise.all(Array.from({ length: group.count }, () => make(group.options))),
      }))),
    );
  }

  /** How many codecs there are. */
  get size(): number {
    return this.#groups.reduce((sum, { codecs }) => sum + codecs.length, 0);
  }

  /** All of them work one frame. */
  work(): void {
    const index = this.#index++;
    for (const { codecs, work, expected } of this.#groups) {
      for (const codec of codecs) assertEquals(work(codec, index), expected[index]);
    }
  }

  [Symbol.dispose](): void {
    for (const { codecs } of this.#groups) codecs.forEach((codec) => codec.delete());
  }
}

async function kindsOf(): Promise<readonly Kind[]> {
  const music = packetsOf("talk.ogg");
  using source = await createOpus();
  using encoder = await createOpus(SPEECH);
  const sound = music.slice(0, 100).map((packet) => source.decode(packet));
  const speech = sound.map((pcm) => encoder.encode(pcm));
  return [
    { count: 20, options: {}, work: decoding(music) },
    { count: 5, options: { channels: 1 }, work: decoding(music.slice(200)) },
    { count: 20, options: {}, work: decoding(speech) },
    { count: 5, options: { channels: 1 }, work: decoding(speech.slice(30)) },
    { count: 5, options: {}, work: encoding(sound) },
    { count: 5, options: SPEECH, work: encoding(sound) },
  ];
}

/** Decodes the packets round and round; now and then one is lost, or none comes instead. */
function decoding(packets: readonly Uint8Array[]): Work {
  const into = new Int16Array(FRAME * 2);
  return (codec, index) => {
    const packet = packets[index % packets.length];
    const next = packets[(index + 1) % packets.length];
    if (index % 29 === 11) assertThrows(() => codec.decode(NO_PACKET), SyntaxError);
    const pcm = index % 17 === 8
      ? codec.decodeFec(next, FRAME) ?? codec.conceal(FRAME)
      : index % 41 === 20
      ? codec.conceal(FRAME)
      : codec.decode(packet, into);
    return digest(pcm);
  };
}

/** Encodes the sound round and round. */
function encoding(sound: readonly Int16Array[]): Work {
  const into = new Uint8Array(1276);
  return (codec, index) => digest(codec.encode(sound[index % sound.length], into));
}
