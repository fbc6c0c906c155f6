/**
 * The packet path of this library, as the adapters drive it: from a frame to what is given to the
 * socket, and from a datagram to the frame of its user.
 *
 * @module
 */

import type { EncryptionMode } from "../../lib/packet.ts";
import { type OwnCall, ownCall } from "./own_call.ts";
import type { Subject } from "./turns.ts";

/** What is to be measured. One line each. */
const MODES: readonly (readonly [EncryptionMode, Subject["cipher"], string])[] = [
  ["aead_aes256_gcm_rtpsize", "gcm", "AES-256-GCM"],
  ["aead_xchacha20_poly1305_rtpsize", "xchacha", "XChaCha20-Poly1305"],
];

/**
 * Connects bots in each mode, with and without DAVE.
 *
 * @param frame An Opus packet.
 * @returns The subjects, and what ends their calls.
 */
export async function ownSubjects(
  frame: Uint8Array,
): Promise<{ readonly subjects: Subject[]; leave(): void }> {
  const subjects: Subject[] = [];
  const calls: OwnCall[] = [];
  const enter = async (mode: EncryptionMode, dave: boolean): Promise<OwnCall> => {
    const call = await ownCall(mode, dave);
    calls.push(call);
    return call;
  };
  for (const dave of [false, true]) {
    for (const [mode, cipher, label] of MODES) {
      const name = `Sotto ${label}`;
      const call = await enter(mode, dave);
      const common = { name, side: "own", cipher, dave } as const;
      subjects.push(sender(common, call.speaker.driver, frame));
      // A call of its own: what was sent into the void would be missing there.
      subjects.push(receiver(common, await enter(mode, dave), frame));
      if (!dave) subjects.push(parser(common, await enter(mode, dave), frame));
    }
  }
  return { subjects, leave: () => calls.forEach((call) => call.leave()) };
}

type Common = Pick<Subject, "name" | "side" | "cipher" | "dave">;

function sender(common: Common, driver: OwnCall["speaker"]["driver"], frame: Uint8Array): Subject {
  return {
    ...common,
    figure: "send",
    run(count) {
      for (let i = 0; i < count; i++) {
        if (!driver.send(frame)) throw new Error("A frame was not sent");
      }
    },
  };
}

function receiver(common: Common, call: OwnCall, frame: Uint8Array): Subject {
  let datagrams: Uint8Array[] = [];
  const { driver } = call.listener;
  return {
    ...common,
    figure: "receive",
    prepare: (count) => void (datagrams = call.datagrams(frame, count)),
    run(count) {
      const before = call.heard();
      for (let i = 0; i < count; i++) driver.receive(datagrams[i]);
      if (call.heard() - before !== count) throw new Error("A frame was not heard");
    },
  };
}

function parser(common: Common, call: OwnCall, frame: Uint8Array): Subject {
  let datagrams: Uint8Array[] = [];
  const { session } = call.listener;
  const into = new Uint8Array(2048);
  return {
    ...common,
    figure: "parse",
    prepare: (count) => void (datagrams = call.datagrams(frame, count)),
    run(count) {
      for (let i = 0; i < count; i++) {
        if (session.depacketize(datagrams[i], into) !== frame.length) {
          throw new Error("A datagram was not opened");
        }
      }
    },
  };
}
