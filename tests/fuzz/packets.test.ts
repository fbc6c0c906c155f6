// Invariant: whatever a datagram holds, its parsers give a value in its range or a listed
// reason, change nothing, and what they give can be built again.

import { fuzz } from "./harness.ts";
import { PACKET_PARSERS } from "./packet_parsers.ts";

for (const parser of PACKET_PARSERS) fuzz(parser);
