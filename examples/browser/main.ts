/**
 * The page's program: the core and the pure voice server, in a browser.
 *
 * @module
 */

import { ALL_ENCRYPTION_MODES } from "@sotto/voice/core";
import { startCallPanel } from "./call_panel.ts";
import { startPacketPanel } from "./packet_panel.ts";

const modes = ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain");
startPacketPanel(modes);
startCallPanel(modes);
