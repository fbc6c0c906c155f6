/**
 * Every type of event, as the compiler knows them: one that is missing is a type error.
 *
 * @module
 */

import type { ConnectionEvents } from "../../adapters/connection.ts";
import type { SessionEvent } from "../../lib/io.ts";

const SESSION: Record<SessionEvent["type"], true> = {
  state: true,
  ready: true,
  resumed: true,
  connected: true,
  disconnected: true,
  closed: true,
  speaking: true,
  video: true,
  clientConnect: true,
  clientDisconnect: true,
  heartbeat: true,
  highLatency: true,
  keepalive: true,
  receptionReport: true,
  daveEpochTransition: true,
  davePrivacyCode: true,
  daveReady: true,
  daveRecovery: true,
  daveIgnored: true,
  malformed: true,
  message: true,
};

/** What does not come in the same turn as what it is of is left out. */
type PromptEvent = Exclude<keyof ConnectionEvents, "audioFrame" | "speakingStop">;

const CONNECTION: Record<PromptEvent, true> = {
  ...SESSION,
  rawMessage: true,
  rawAudioFrame: true,
  speakingStart: true,
};

/** Types of a session's events. */
export const SESSION_EVENT_TYPES = Object.keys(SESSION) as readonly SessionEvent["type"][];

/** Types of events that `VoiceConnection.on` takes and that come at once. */
export const CONNECTION_EVENT_TYPES = Object.keys(CONNECTION) as readonly PromptEvent[];
