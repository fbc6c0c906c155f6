/**
 * Visits the browser page with Chromium. `playwright-core` does it in a Node of its own,
 * whichever runtime the test is on.
 *
 * @module
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import type { VisitFacts, VisitRequest } from "./browser_visit.ts";
import { runCommand } from "./command.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const VISIT = fileURLToPath(new URL("browser_visit.ts", import.meta.url));

/** How to get a browser, for those who have none. */
export const BROWSER_HINT =
  "no Chromium found: apt-get install chromium, or name one in SOTTO_CHROMIUM";

/** Returns the path of Chromium: the one in `SOTTO_CHROMIUM`, else one in `PATH`. */
export function findBrowser(): string | undefined {
  const { SOTTO_CHROMIUM: named, PATH = "" } = process.env;
  if (named !== undefined && named !== "") return named;
  return PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/**
 * Visits a page.
 *
 * @param request What is to be visited; the page and the core as text.
 * @param timeLimit Milliseconds that it may take.
 * @returns What was found there.
 * @throws {Error} The visit came to no end; the message has its output.
 */
export async function visit(request: VisitRequest, timeLimit: number): Promise<VisitFacts> {
  const folder = mkdtempSync(join(tmpdir(), "sotto-browser-"));
  try {
    const [asked, found] = ["request.json", "facts.json"].map((name) => join(folder, name));
    writeFileSync(asked, JSON.stringify(request));
    const node = await runtimePath("node");
    const result = await runCommand(node, [VISIT, asked, found], { timeLimit });
    if (result.ok) return JSON.parse(readFileSync(found, "utf8"));
    throw new Error(`Cannot visit the page: ${result.ending}\n${result.output}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
