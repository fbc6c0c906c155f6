/**
 * What C does on the same core, as subjects: where there is no compiler, or a library lacks, the
 * subject says so.
 *
 * @module
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Subject } from "./turns.ts";

const SOURCE = fileURLToPath(new URL("./limit.c", import.meta.url));

const LIBRARIES = [
  { name: "C, OpenSSL AES-256-GCM", cipher: "gcm", flags: ["-DOPENSSL"], libs: ["-lcrypto"] },
  { name: "C, libsodium XChaCha20-Poly1305", cipher: "xchacha", flags: [], libs: ["-lsodium"] },
] as const;

/** Fewer packets than that, and a process has not settled. */
const LEAST_COUNT = 20_000;

/** Compiles the programs; they are gone when this process is. */
export function limitSubjects(): Subject[] {
  const folder = mkdtempSync(join(tmpdir(), "sotto-limit-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  return LIBRARIES.flatMap(({ name, cipher, flags, libs }) => {
    const program = join(folder, cipher);
    const built = spawnSync("cc", ["-O2", ...flags, SOURCE, "-o", program, ...libs]);
    return (["seal", "open"] as const).map((figure): Subject => ({
      ...{ figure, name, side: "limit", cipher },
      run(count) {
        if (built.error !== undefined) throw new Error("There is no C compiler (cc)");
        if (built.status !== 0) throw new Error(`It cannot be built: ${libs[0]} lacks`);
        const wanted = Math.max(count, LEAST_COUNT);
        return count * Number(execFileSync(program, [figure, `${wanted}`], { encoding: "utf8" }));
      },
    }));
  });
}
