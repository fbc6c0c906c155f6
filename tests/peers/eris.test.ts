/**
 * Eris (voice gateway version 4, mode xsalsa20_poly1305) and Dysnomia, which descends from
 * it (version 8, AEAD modes), in our voice server, behind TLS: they play and hear bit for
 * bit, beside their like and beside our own client, are cut off and resume.
 *
 * Dysnomia 0.2.4 can do DAVE and says so in Identify; the server answers that there is none.
 *
 * @module
 */

import test from "node:test";
import { ENCRYPTION_MODES } from "@sotto/voice/core";
import { installPeer } from "./install.ts";
import { Stage } from "./stage.ts";
import { breakDown, hearEachOther } from "./talk.ts";

await Promise.all([installPeer("eris"), installPeer("dysnomia")]);

test("Eris and VoiceConnection hear each other bit for bit, xsalsa20_poly1305", async () => {
  await hearEachOther("eris", 4, "xsalsa20_poly1305");
});

for (const mode of ENCRYPTION_MODES) {
  test(`Dysnomia and VoiceConnection hear each other bit for bit, ${mode}`, async () => {
    await hearEachOther("dysnomia", 8, mode);
  });
}

test("Eris, Dysnomia and VoiceConnection resume after 4015, play on and hear on", async () => {
  await using stage = await Stage.open();
  const bots = [...await stage.peers("eris", "dysnomia"), await stage.ours()];
  await breakDown(stage, bots, 4015, () => {
    for (const { userId } of bots) stage.server.closeClient({ userId }, 4015);
  });
});
