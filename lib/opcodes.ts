/**
 * Opcodes of Discord's voice gateway, in Discord's own words.
 *
 * @module
 */

/** Opcodes of the voice gateway. */
export const VoiceOpcodes = {
  /** Client: begins a session. */
  Identify: 0,
  /** Client: chooses protocol, address and encryption mode. */
  SelectProtocol: 1,
  /** Server: answers Identify with SSRC, UDP address and modes. */
  Ready: 2,
  /** Client: keeps the WebSocket alive. Server: asks for a beat now. */
  Heartbeat: 3,
  /** Server: the mode and the secret key. */
  SessionDescription: 4,
  /** Both: who speaks, with which SSRC. */
  Speaking: 5,
  /** Server: answers Heartbeat. */
  HeartbeatAck: 6,
  /** Client: continues a session on a new WebSocket. */
  Resume: 7,
  /** Server: the heartbeat interval. */
  Hello: 8,
  /** Server: answers Resume. */
  Resumed: 9,
  /** Both: candidates of a peer-to-peer call (dead). */
  Signal: 10,
  /** Server: users who are in the channel. */
  ClientsConnect: 11,
  /** Both: video SSRCs of a user. */
  Video: 12,
  /** Server: a user has left the channel. */
  ClientDisconnect: 13,
  /** Both: codecs of the session. */
  SessionUpdate: 14,
  /** Both: which streams the receiver wants. */
  MediaSinkWants: 15,
  /** Both: version of the voice backend. */
  VoiceBackendVersion: 16,
  /** Server: options of the channel (dead). */
  ChannelOptionsUpdate: 17,
  /** Server: flags of a user. */
  ClientFlags: 18,
  /** Server: speed test (dead). */
  SpeedTest: 19,
  /** Server: platform of a user. */
  ClientPlatform: 20,
  /** Server: a change of the DAVE version is ahead. */
  DavePrepareTransition: 21,
  /** Server: the change takes place now. */
  DaveExecuteTransition: 22,
  /** Client: ready for the change. */
  DaveTransitionReady: 23,
  /** Server: a new DAVE version or MLS group is ahead. */
  DavePrepareEpoch: 24,
  /** Server, binary: credential and key of the MLS external sender. */
  DaveMlsExternalSender: 25,
  /** Client, binary: MLS key package. */
  DaveMlsKeyPackage: 26,
  /** Server, binary: MLS proposals to append or to revoke. */
  DaveMlsProposals: 27,
  /** Client, binary: MLS commit, and a welcome for those whom it adds. */
  DaveMlsCommitWelcome: 28,
  /** Server, binary: the commit that counts. */
  DaveMlsAnnounceCommitTransition: 29,
  /** Server, binary: welcome to the MLS group. */
  DaveMlsWelcome: 30,
  /** Client: commit or welcome could not be processed. */
  DaveMlsInvalidCommitWelcome: 31,
  /** Client: no route to the media server was found. */
  NoRoute: 32,
} as const;

/** An opcode of the voice gateway. */
export type VoiceOpcodes = typeof VoiceOpcodes[keyof typeof VoiceOpcodes];

const NAMES: readonly (string | undefined)[] = /* @__PURE__ */ Object.entries(VoiceOpcodes)
  .reduce<(string | undefined)[]>((names, [name, op]) => {
    names[op] = name;
    return names;
  }, []);

/**
 * Names an opcode for people.
 *
 * @param op Any number.
 * @returns The opcode's name, or `Opcode N` where it is not known.
 */
export function opcodeName(op: number): string {
  return NAMES[op] ?? `Opcode ${op}`;
}
