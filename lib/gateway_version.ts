/**
 * Versions of the voice gateway, and in what their messages differ. A version touches
 * the control plane only, never RTP or encryption.
 *
 * | version | change |
 * |---|---|
 * | 1 | a heartbeat is answered with op 3 |
 * | 2 | a heartbeat is answered with op 6 |
 * | 3 | Hello is wrapped in `op` and `d` |
 * | 4 | Speaking is a bit mask; Hello's interval is exact, Ready has none any more |
 * | 5, 6, 7 | op 15; op 16; op 17 |
 * | 8 | messages are numbered, Resume is buffered, heartbeats are objects |
 * | 9 | `channel_id` in Identify and Resume |
 *
 * @module
 */

/** A version of the voice gateway. Discord has discontinued those below 4. */
export type GatewayVersion = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** All versions. */
export const GATEWAY_VERSIONS: readonly GatewayVersion[] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** The version that a client asks for by default. */
export const GATEWAY_VERSION: GatewayVersion = 8;

/** The version that a server takes where the URL names none. */
export const UNNAMED_GATEWAY_VERSION: GatewayVersion = 4;

/** What is particular to a version. */
export interface VersionTraits {
  /** Whether Hello is wrapped in `op` and `d`; either form is read. */
  readonly wrappedHello: boolean;
  /** How much of Hello's interval a client may wait between heartbeats. */
  readonly heartbeatShare: 0.75 | 1;
  /** Whether Ready has an interval too, which is wrong. */
  readonly readyInterval: boolean;
  /** Opcode that answers a heartbeat. */
  readonly heartbeatAckOpcode: 3 | 6;
  /** Whether `speaking` is a bit mask, not a boolean. */
  readonly speakingMask: boolean;
  /** Whether messages have a `seq`, binary frames a prefix, and heartbeats are objects. */
  readonly numbered: boolean;
  /** Whether Identify and Resume name the channel. */
  readonly channelId: boolean;
}

/**
 * Tells what is particular to a version.
 *
 * @param version The version.
 */
export function versionTraits(version: GatewayVersion): VersionTraits {
  return {
    wrappedHello: version >= 3,
    heartbeatShare: version >= 4 ? 1 : 0.75,
    readyInterval: version < 4,
    heartbeatAckOpcode: version === 1 ? 3 : 6,
    speakingMask: version >= 4,
    numbered: version >= 8,
    channelId: version >= 9,
  };
}
