/**
 * Builds the WebAssembly kernels from `adapters/kernels/source`, which is AssemblyScript:
 *
 *     deno task kernels
 *
 * The files end in `.as`, since they are no TypeScript for Deno's tools. The compiler is pinned, and
 * its output is the same on all runtimes: a test holds the embedded bytes against it.
 *
 * @module
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { installPeer } from "../peers/install.ts";
import { runCommand } from "./command.ts";

const SOURCE = fileURLToPath(new URL("../../adapters/kernels/source/", import.meta.url));
const EMBEDDED = fileURLToPath(new URL("../../adapters/kernels/bytes.ts", import.meta.url));
const TIME_LIMIT = 60_000;
const LINE_SIZE = 90;

/**
 * Compiles the kernels.
 *
 * @returns The module's bytes.
 * @throws {Error} The source has a fault; the message holds what the compiler says.
 */
export async function buildKernels(): Promise<Uint8Array> {
  const compiler = join(
    await installPeer("assemblyscript"),
    "node_modules/assemblyscript/bin/asc.js",
  );
  const folder = mkdtempSync(join(tmpdir(), "sotto-kernels-"));
  try {
    for (const name of readdirSync(SOURCE)) {
      writeFileSync(join(folder, name.replace(/\.as$/, ".ts")), readFileSync(join(SOURCE, name)));
    }
    const { ok, ending, output } = await runCommand(await runtimePath("node"), [
      compiler,
      "index.ts",
      "--outFile=kernels.wasm",
      "--optimizeLevel=3",
      "--shrinkLevel=1",
      "--noAssert",
      "--runtime=stub",
      "--enable=relaxed-simd",
    ], { cwd: folder, timeLimit: TIME_LIMIT });
    if (!ok) throw new Error(`Cannot build the kernels: ${ending}\n${output}`);
    return new Uint8Array(readFileSync(join(folder, "kernels.wasm")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Writes the file in which the module is embedded.
 *
 * @param bytes The module.
 * @returns Its text.
 */
export function embed(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  const lines = base64.match(new RegExp(`.{1,${LINE_SIZE}}`, "g")) ?? [];
  return `/**
 * The WebAssembly module of the kernels, ${bytes.length} bytes: written by \`deno task kernels\`.
 *
 * @module
 */

/** The module in base 64. */
export const KERNELS: string = \`
${lines.join("\n")}\`;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await buildKernels();
  writeFileSync(EMBEDDED, embed(bytes));
  console.log(`The kernels have ${bytes.length} bytes`);
}
