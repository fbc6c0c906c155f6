/**
 * Bundles the program of a lane's worker and embeds it:
 *
 *     deno task worker
 *
 * @module
 */

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runtimePath } from "../../examples/demo/runtimes.ts";

const ENTRY = fileURLToPath(new URL("../../adapters/worker/main.ts", import.meta.url));
const EMBEDDED = fileURLToPath(new URL("../../adapters/worker/program.ts", import.meta.url));

/**
 * Bundles the program.
 *
 * @returns The file in which it is embedded.
 */
export async function embedLaneWorker(): Promise<string> {
  const args = ["bundle", "--quiet", "--platform", "deno", "--minify", ENTRY];
  const { stdout } = await promisify(execFile)(await runtimePath("deno"), args);
  return `/**
 * The program of a lane's worker, bundled: written by \`deno task worker\`.
 *
 * @module
 */

// deno-fmt-ignore-file
/** JavaScript of one module. */
export const LANE_WORKER: string =
  ${JSON.stringify(stdout.trim())};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await embedLaneWorker();
  writeFileSync(EMBEDDED, text);
  console.log(`The program has ${text.length} characters`);
}
