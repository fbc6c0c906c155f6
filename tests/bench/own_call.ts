/**
 * A call of two bots of this library in one process, without sockets: the drivers are the
 * adapters' own. Once one hears the other, what they send goes nowhere.
 *
 * @module
 */

import { detectTransport } from "../../adapters/detect.ts";
import { Driver } from "../../adapters/driver.ts";
import { createDave } from "../../lib/dave/create.ts";
import type { EncryptionMode } from "../../lib/packet.ts";
import { VoiceSession } from "../../lib/session.ts";
import { until } from "../tools/waiting.ts";
import { MemoryNetwork } from "./memory_network.ts";

const [GUILD, CHANNEL] = ["41771983423143937", "127121515262115840"];
const [SPEAKER, LISTENER] = ["100000000000000001", "100000000000000002"];
/** The second byte of RTP with Opus, without the marker. */
const OPUS = 120;
const HELLO = Uint8Array.of(0xfc, 1, 2, 3);

/** A bot. */
export interface OwnBot {
  /** Its session. */
  readonly session: VoiceSession;
  /** What drives it. */
  readonly driver: Driver;
}

/** Two connected bots. */
export interface OwnCall {
  /** The one who speaks. */
  readonly speaker: OwnBot;
  /** The one who hears. */
  readonly listener: OwnBot;
  /** Frames that the listener has heard. */
  heard(): number;
  /** What the listener's socket would get of frames that the speaker says. */
  datagrams(frame: Uint8Array, count: number): Uint8Array[];
  /** Ends the call. */
  leave(): void;
}

/**
 * Makes a call.
 *
 * @param mode Encryption of the transport.
 * @param dave Whether frames are end-to-end encrypted, too.
 */
export async function ownCall(mode: EncryptionMode, dave: boolean): Promise<OwnCall> {
  const network = new MemoryNetwork(await detectTransport(), dave);
  let heard = 0;
  const enter = (userId: string): OwnBot => {
    const session = new VoiceSession({
      guildId: GUILD,
      userId,
      random: (into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
      aead: network.aead,
      modes: [mode],
      dave: dave ? createDave(network.dave) : undefined,
    });
    const driver = new Driver(session, network, {
      gateway: () => {},
      event: () => {},
      frame: () => heard++,
    });
    const server = { endpoint: "ws://127.0.0.1", token: "token", sessionId: `of-${userId}` };
    driver.feed({ type: "join", channelId: CHANNEL, server });
    return { session, driver };
  };
  const [speaker, listener] = [enter(SPEAKER), enter(LISTENER)];
  await until(() => [speaker, listener].every(({ session }) => session.state === "connected"));
  speaker.driver.feed({ type: "speak", flags: 1 });
  await until(() => (speaker.driver.send(HELLO), heard > 3));
  network.mode = "silent";
  return {
    speaker,
    listener,
    heard: () => heard,
    datagrams(frame, count) {
      network.mode = "kept";
      for (let i = 0; i < count; i++) speaker.driver.send(frame);
      network.mode = "silent";
      // The server may have reported meanwhile (RTCP).
      return network.kept.splice(0).filter(isAudio);
    },
    leave() {
      for (const { driver } of [speaker, listener]) driver.feed({ type: "leave" });
    },
  };
}

function isAudio(datagram: Uint8Array): boolean {
  return (datagram[1]! & 127) === OPUS;
}
