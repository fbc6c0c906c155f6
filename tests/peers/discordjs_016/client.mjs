/**
 * A bot on @discordjs/voice 0.16: voice gateway version 4, modes on XSalsa20. With tweetnacl,
 * because with libsodium-wrappers it cannot send in the mode xsalsa20_poly1305_suffix: it
 * gives `randombytes_buf` a buffer where that wants the name of a format.
 */

import * as voice from "@discordjs/voice";
import { runBot } from "../discordjs_bot.mjs";

runBot(voice);
