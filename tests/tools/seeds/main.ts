/**
 * Writes `docs/seeds.md` and `types.ts`:
 *
 *     deno run -A tests/tools/seeds/main.ts && deno fmt docs/seeds.md
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { seedsDocument, typesDocument } from "./document.ts";

writeFileSync(new URL("../../../docs/seeds.md", import.meta.url), seedsDocument());
writeFileSync(new URL("types.ts", import.meta.url), typesDocument());
