/**
 * Options of the voice server with their defaults filled in, checked before anything
 * depends on them.
 *
 * @module
 */

import type { AeadProvider } from "../aead.ts";
import { type MlsCrypto, nobleMlsCrypto } from "../dave/mls/mod.ts";
import { type EncryptionMode, SEALING_MODES } from "../packet.ts";
import { REPORT_INTERVAL } from "../rtcp_reports.ts";
import { pureCiphers } from "../secretbox.ts";
import { demandChoice, demandChoices } from "../options.ts";
import type { DavePolicy, ForcedDiscovery, VoiceServerOptions } from "./server_io.ts";

/** Most messages that can be kept for a Resume: half of the numbers less one. */
const REPLAY_MAXIMUM = 32_767;

/** The forms of IP discovery that can be forced. */
export const FORCED_DISCOVERIES: readonly ForcedDiscovery[] = ["74", "70be", "70le"];

/** Whether calls are encrypted end to end. */
export const DAVE_POLICIES: readonly DavePolicy[] = ["off", "optional", "required"];

/** Options without gaps; the token is not among them. */
export interface ServerSettings {
  /** Fills an array with random bytes. */
  readonly random: (into: Uint8Array) => void;
  /** UDP port that Ready announces. */
  readonly port: number;
  /** IP address that Ready announces. */
  readonly address: string;
  /** AEAD implementations. */
  readonly aead: AeadProvider;
  /** The primitives of MLS. */
  readonly mls: MlsCrypto;
  /** Whether calls are encrypted end to end. */
  readonly dave: DavePolicy;
  /** Milliseconds between heartbeats. */
  readonly heartbeatInterval: number;
  /** Milliseconds for which a session outlives its WebSocket. */
  readonly resumeWindow: number;
  /** Most messages that a session keeps for a Resume. */
  readonly replayLimit: number;
  /** Encryption modes that Ready offers. */
  readonly modes: readonly EncryptionMode[];
  /** Form of every IP discovery response; without it that of the request. */
  readonly discovery: VoiceServerOptions["discovery"];
  /** Whether keepalives that are a counter are echoed. */
  readonly echoKeepalives: boolean;
  /** Milliseconds between two receiver reports to a sender. */
  readonly reportInterval: number;
}

/**
 * Fills the gaps.
 *
 * @param options What the caller wants.
 * @returns All settings.
 * @throws {RangeError} A number is out of range, a mode is not for sending, or a choice is none.
 */
export function serverSettings(options: VoiceServerOptions): ServerSettings {
  const {
    random,
    port,
    address = "127.0.0.1",
    aead = pureCiphers,
    mls = nobleMlsCrypto(random),
    dave = "optional",
    heartbeatInterval = 13_750,
    resumeWindow = 60_000,
    replayLimit = 256,
    modes = SEALING_MODES,
    discovery,
    echoKeepalives = false,
    reportInterval = REPORT_INTERVAL,
  } = options;
  if (!(heartbeatInterval >= 1 && heartbeatInterval < Infinity)) {
    refuse("heartbeatInterval", heartbeatInterval, "at least 1 and finite");
  }
  if (!(resumeWindow >= 0 && resumeWindow < Infinity)) {
    refuse("resumeWindow", resumeWindow, "at least 0 and finite");
  }
  if (!(Number.isInteger(replayLimit) && replayLimit >= 0 && replayLimit <= REPLAY_MAXIMUM)) {
    refuse("replayLimit", replayLimit, `an integer of 0 to ${REPLAY_MAXIMUM}`);
  }
  if (!(reportInterval >= 1)) refuse("reportInterval", reportInterval, "at least 1");
  demandChoices("modes", modes, SEALING_MODES);
  if (discovery !== undefined) demandChoice("discovery", discovery, FORCED_DISCOVERIES);
  demandChoice("dave", dave, DAVE_POLICIES);
  return {
    random,
    port,
    address,
    aead,
    mls,
    dave,
    heartbeatInterval,
    resumeWindow,
    replayLimit,
    modes,
    discovery,
    echoKeepalives,
    reportInterval,
  };
}

function refuse(name: string, value: number, wanted: string): never {
  throw new RangeError(`Cannot start a server with ${name} ${value}: it must be ${wanted}`);
}
