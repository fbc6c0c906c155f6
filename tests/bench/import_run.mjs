/**
 * How long the import of a module takes in a process that has done nothing else. Prints
 * milliseconds. It is JavaScript, so that no runtime has loaded its TypeScript before.
 *
 *     import_run.mjs FILE
 *
 * @module
 */

import process from "node:process";
import { pathToFileURL } from "node:url";

const { href } = pathToFileURL(process.argv[2]);
const start = performance.now();
await import(href);
const milliseconds = performance.now() - start;
process.stdout.write(`${milliseconds}\n`, () => process.exit());
