/** A bot on Eris: voice gateway version 4, mode xsalsa20_poly1305. */

import { Client } from "eris";
import { runBot } from "../eris_bot.mjs";

runBot(Client);
