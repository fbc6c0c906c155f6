// Invariant: whatever a file holds, the parsers of WebM and Matroska give packets that are Opus
// packets, the same in pieces of any size, or a SyntaxError (RangeError where a bound is exceeded
// or the file is refused) with a listed reason.

import { fuzz } from "./harness.ts";
import { WEBM_PARSERS } from "./webm_parsers.ts";

for (const parser of WEBM_PARSERS) fuzz(parser);
