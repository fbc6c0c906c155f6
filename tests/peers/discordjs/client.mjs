/** A bot on @discordjs/voice 0.19: voice gateway version 8, AEAD modes. */

import * as voice from "@discordjs/voice";
import { runBot } from "../discordjs_bot.mjs";

runBot(voice);
