// Invariant: whatever a DAVE frame or an MLS message holds, it is taken or refused with a listed
// reason; what is refused changes nothing, and no frame is accepted twice.

import { DAVE_PARSERS } from "./dave_parsers.ts";
import { fuzz } from "./harness.ts";

for (const parser of DAVE_PARSERS) fuzz(parser);
