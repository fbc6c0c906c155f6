/** A bot on @discordjs/voice 0.18: voice gateway version 4, AEAD modes. */

import * as voice from "@discordjs/voice";
import { runBot } from "../discordjs_bot.mjs";

runBot(voice);
