/**
 * Independent clients in our voice server: @discordjs/voice on Node, behind TLS, in three
 * generations: 0.16 (voice gateway version 4, modes on XSalsa20), 0.18 (version 4, AEAD
 * modes) and 0.19 (version 8). They play and hear bit for bit, beside their like and beside
 * our own client, are cut off and resume. These tests are never skipped: our server must
 * not be the only witness for our client, nor the reverse.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import { ENCRYPTION_MODES } from "@sotto/voice/core";
import { installPeer } from "./install.ts";
import { Stage } from "./stage.ts";
import { breakDown, hearEachOther } from "./talk.ts";

const XSALSA_MODES = [
  "xsalsa20_poly1305_lite",
  "xsalsa20_poly1305_suffix",
  "xsalsa20_poly1305",
] as const;
const VERSIONS = [
  { version: "0.16", peer: "discordjs_016", gateway: 4, modes: XSALSA_MODES },
  { version: "0.18", peer: "discordjs_018", gateway: 4, modes: ENCRYPTION_MODES },
  { version: "0.19", peer: "discordjs", gateway: 8, modes: ENCRYPTION_MODES },
];

for (const { version, peer, gateway, modes } of VERSIONS) {
  await installPeer(peer);
  for (const mode of modes) {
    test(`@discordjs/voice ${version} and VoiceConnection hear each other bit for bit, ${mode}`, async () => {
      await hearEachOther(peer, gateway, mode);
    });
  }
}

test("@discordjs/voice 0.19 bots that are cut off resume, play on and hear on", async () => {
  await using stage = await Stage.open();
  const bots = await stage.peers("discordjs", "discordjs");
  await breakDown(stage, bots, 1006, () => assertEquals(stage.front.cut(), 2));
});

test("@discordjs/voice 0.16, 0.19 and VoiceConnection resume after 4015, play on and hear on", async () => {
  await using stage = await Stage.open();
  const bots = [...await stage.peers("discordjs_016", "discordjs"), await stage.ours()];
  await breakDown(stage, bots, 4015, () => {
    for (const { userId } of bots) stage.server.closeClient({ userId }, 4015);
  });
});
