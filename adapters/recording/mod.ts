/**
 * Records calls: each user to a WAV or Ogg Opus file, or all to one WAV file, mixed or with a channel
 * for each.
 *
 * All tracks have one clock. They begin when the recording begins, whenever a user first speaks,
 * and have one length; in pauses, and while a user is away, there is silence. What a call sounded
 * like at an instant is at the same place in all of them.
 *
 * Files grow while the call goes on, and can be opened should the process die. WAV files beyond 4 GiB
 * become RF64. To write files, Deno needs `--allow-read` and `--allow-write`.
 *
 * @module
 */

import { extname, join } from "node:path";
import type { RecordableCall } from "./call.ts";
import { ConnectionCall, type RecordableConnection } from "./connection_call.ts";
import { Disk } from "./disk.ts";
import {
  MixFormat,
  MultichannelFormat,
  OggFormat,
  RECORDING_FORMATS,
  type RecordingFormat,
  WavFormat,
} from "./formats.ts";
import { type CallRecording, Recorder } from "./recording.ts";

export type { Reception, RecordableCall, RecordableSpeaker } from "./call.ts";
export type { RecordableConnection } from "./connection_call.ts";
export { RECORDING_FORMATS, type RecordingFormat } from "./formats.ts";
export {
  type CallRecording,
  MAX_RECORDED_USERS,
  type RecordingResult,
  type UserRecording,
} from "./recording.ts";

/** How to record, and where to. */
export interface RecordCallOptions {
  /**
   * Path of a folder, which is made where it is missing. For `multichannel` and `mix` it may also be
   * a file that ends in `.wav`. Older files of the same name are replaced.
   */
  readonly to: string;
  /** What becomes of the voices; `wav` by default. */
  readonly format?: RecordingFormat;
  /** Stops the recording. */
  readonly signal?: AbortSignal;
}

/**
 * Begins to record a call.
 *
 * @param call A voice connection.
 * @param options Where to, and how.
 * @returns The recording. It ends with the call, or when it is stopped.
 * @throws {RangeError} There is no such format.
 * @throws The reason of `options.signal`, where it is aborted already.
 *
 * @example A minute of a call, each user in a file
 * ```ts
 * import type { VoiceConnection } from "@sotto/voice";
 * import { recordCall, type UserRecording } from "@sotto/voice/recording";
 *
 * async function recordMinute(connection: VoiceConnection): Promise<readonly UserRecording[]> {
 *   const signal = AbortSignal.timeout(60_000);
 *   const recording = recordCall(connection, { to: "recordings", signal });
 *   const { users } = await recording.finished;
 *   return users;
 * }
 * ```
 */
export function recordCall(
  call: RecordableCall | RecordableConnection,
  options: RecordCallOptions,
): CallRecording {
  const { format = "wav", signal } = options;
  if (!RECORDING_FORMATS.includes(format)) {
    throw new RangeError(
      `Cannot record: the format is "${format}", want one of ${RECORDING_FORMATS.join(", ")}`,
    );
  }
  signal?.throwIfAborted();
  const clocked = "position" in call ? call : new ConnectionCall(call);
  const recording = begin(clocked, options.to, format);
  const stop = () => void recording.stop().catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  const forget = () => signal?.removeEventListener("abort", stop);
  recording.finished.then(forget, forget);
  return recording;
}

function begin(call: RecordableCall, to: string, format: RecordingFormat): CallRecording {
  const disk = new Disk();
  const file = extname(to) === ".wav" ? to : join(to, `${format}.wav`);
  const start = call.position;
  switch (format) {
    case "wav":
      return new Recorder(call, disk, new WavFormat(disk, to));
    case "ogg":
      return new Recorder(call, disk, new OggFormat(disk, to));
    case "multichannel":
      return new Recorder(call, disk, new MultichannelFormat(disk, file));
    case "mix":
      return new Recorder(call, disk, new MixFormat(disk, file, () => call.position - start));
  }
}
