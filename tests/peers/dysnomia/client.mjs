/** A bot on Dysnomia: voice gateway version 8, AEAD modes. */

import { Client } from "@projectdysnomia/dysnomia";
import { runBot } from "../eris_bot.mjs";

runBot(Client);
