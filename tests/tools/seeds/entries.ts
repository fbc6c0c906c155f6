/**
 * The entry points that rows lead to: as modules to look into, and where they are.
 *
 * @module
 */

import * as audio from "../../../lib/audio/mod.ts";
import * as core from "../../../lib/mod.ts";
import * as rtp from "../../../lib/rtp/mod.ts";
import * as dave from "../../../lib/dave/mod.ts";
import * as gateway from "../../../adapters/gateway/mod.ts";
import * as networking from "../../../adapters/networking/mod.ts";
import * as opus from "../../../adapters/opus.ts";
import * as main from "../../../mod.ts";

/** An entry point. */
export interface Entry {
  /** Its name in the generated references. */
  readonly alias: string;
  /** Its file, from the root of the project. */
  readonly path: string;
  /** What it exports besides types. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Entry points by name, as in `deno.json`. */
export const ENTRIES: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  [".", { alias: "main", path: "mod.ts", values: main }],
  ["./core", { alias: "core", path: "lib/mod.ts", values: core }],
  ["./rtp", { alias: "rtp", path: "lib/rtp/mod.ts", values: rtp }],
  ["./dave", { alias: "dave", path: "lib/dave/mod.ts", values: dave }],
  ["./audio", { alias: "audio", path: "lib/audio/mod.ts", values: audio }],
  ["./opus", { alias: "opus", path: "adapters/opus.ts", values: opus }],
  ["./gateway", { alias: "gateway", path: "adapters/gateway/mod.ts", values: gateway }],
  ["./networking", { alias: "networking", path: "adapters/networking/mod.ts", values: networking }],
]);
