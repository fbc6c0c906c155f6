// Invariant: whatever a message says, its readers give a payload that reads the same once it is
// written again, or an error that names opcode and field and shows no secret.

import { fuzz } from "./harness.ts";
import { MESSAGE_PARSERS } from "./message_parsers.ts";

for (const parser of MESSAGE_PARSERS) fuzz(parser);
