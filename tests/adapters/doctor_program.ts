/**
 * Examines loopback, and each URL that it is given, and then ends by itself: nothing that
 * the doctor opened keeps it alive. `doctor.test.ts` runs it.
 *
 * @module
 */

import process from "node:process";

import { diagnose } from "../../adapters/doctor/mod.ts";

const results = [(await diagnose()).ok];
for (const url of process.argv.slice(2)) results.push((await diagnose({ url, timeout: 300 })).ok);
console.log(JSON.stringify(results));
