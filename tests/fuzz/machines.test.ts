// Invariant: in no state does anything that is received throw, put a machine to sleep, show a
// token, or make it put out without bound; what is dropped is counted.

import { fuzz } from "./harness.ts";
import { MACHINES } from "./machines.ts";

for (const machine of MACHINES) fuzz(machine);
