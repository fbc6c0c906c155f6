// Invariant: whatever a client says about end-to-end encryption, the voice server does not throw,
// does not fall asleep, puts out no more than there are clients to hear it, and counts what it
// drops.

import { DAVE_SERVERS } from "./dave_server.ts";
import { fuzz } from "./harness.ts";

for (const parser of DAVE_SERVERS) fuzz(parser);
