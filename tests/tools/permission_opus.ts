/**
 * Encodes and decodes silence, and tells what did it; then does the same with `opusscript`.
 * `permissions.test.ts` runs it on Deno with `--allow-net` alone.
 *
 * @module
 */

import { createOpus } from "@sotto/voice/opus";

using codec = await createOpus();
const { length } = codec.decode(codec.encode(new Int16Array(1920)));
const opusscript = await createOpus({ implementation: "opusscript" }).catch(String);
console.log(JSON.stringify({ implementation: codec.implementation, length, opusscript }));
