/**
 * Which library makes a codec: the one that was asked for, else the first that loads. Each is
 * loaded once, when it is needed first.
 *
 * @module
 */

import type { OpusImplementation } from "../opus_codec.ts";
import { loadLibopusWasm } from "./libopus_wasm.ts";
import type { OpusLibrary } from "./library.ts";
import { loadOpusscript } from "./opusscript.ts";

/** Loads one library. */
export type LoadLibrary = () => Promise<OpusLibrary>;

/** The libraries, the preferred one first. */
export const LIBRARIES: Readonly<Record<OpusImplementation, LoadLibrary>> = {
  "libopus-wasm": once(loadLibopusWasm),
  opusscript: once(loadOpusscript),
};

/**
 * Loads the first library that can be loaded.
 *
 * @param loaders The libraries, the preferred one first.
 * @returns The library.
 * @throws {Error} where none can be loaded: it tells why of each, and they are its `cause`.
 */
export async function loadFirst(loaders: readonly LoadLibrary[]): Promise<OpusLibrary> {
  const errors: Error[] = [];
  for (const load of loaders) {
    try {
      return await load();
    } catch (error) {
      errors.push(error as Error);
    }
  }
  const reasons = errors.map(({ message, cause }) => `${message} (${cause})`);
  throw new Error(`Cannot make an Opus codec: no library loads: ${reasons.join(", ")}`, {
    cause: new AggregateError(errors),
  });
}

/**
 * Remembers what was loaded. After a failure the next call tries again: a permission may have
 * been granted.
 *
 * @param load Loads it.
 * @returns The same, done once.
 */
export function once(load: LoadLibrary): LoadLibrary {
  let promise: Promise<OpusLibrary> | undefined;
  return () =>
    promise ??= load().catch((error) => {
      promise = undefined;
      throw error;
    });
}
