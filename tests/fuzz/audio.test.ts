// Invariant: whatever a file or a packet of audio holds, its parsers give a value in its range
// or a SyntaxError (RangeError where a bound is exceeded) with a listed reason.

import { AUDIO_PARSERS } from "./audio_parsers.ts";
import { fuzz } from "./harness.ts";

for (const parser of AUDIO_PARSERS) fuzz(parser);
