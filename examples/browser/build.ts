/**
 * Builds the browser page: one file of HTML that holds all it needs, opened from disk.
 *
 *     deno task browser [FILE.html]
 *
 * The file is `reports/browser.html` unless another is named. `deno bundle` does the work,
 * on whichever runtime this runs; npm is all it needs.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { REPORT_STYLE } from "../demo/report_style.ts";
import { runtimePath } from "../demo/runtimes.ts";

const MAX_BUNDLE = 2 ** 24;

/**
 * Bundles and minifies a module for browsers.
 *
 * @param entry The module.
 * @returns JavaScript of one module without imports.
 */
export async function bundle(entry: URL): Promise<string> {
  const args = ["bundle", "--quiet", "--platform", "browser", "--minify", fileURLToPath(entry)];
  const { stdout } = await promisify(execFile)(await runtimePath("deno"), args, {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    maxBuffer: MAX_BUNDLE,
  });
  return stdout;
}

/**
 * Builds the page.
 *
 * @returns HTML.
 */
export async function buildPage(): Promise<string> {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");
  const code = await bundle(new URL("main.ts", import.meta.url));
  const script = code.replace(/<\/(?=script)/gi, "<\\/");
  return read("index.html")
    .replace("<!-- style -->", () => `<style>${REPORT_STYLE}${read("style.css")}</style>`)
    .replace("<!-- script -->", () => `<script type="module">${script}</script>`);
}

if (import.meta.main) {
  const [path = "reports/browser.html"] = process.argv.slice(2);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await buildPage());
  console.log(`Open ${pathToFileURL(path)}`);
}
