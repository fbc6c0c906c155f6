/**
 * Clients of all generations in one room of a server that was told nothing of them: voice
 * gateway versions 4 and 8; nonces in the RTP header, in 4 and in 24 bytes behind the packet;
 * with and without additional data. What one has sealed the server opens, and seals it anew
 * for each other one.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import { installPeer } from "./install.ts";
import { Stage } from "./stage.ts";
import { assertHealthy, talk } from "./talk.ts";

const PEERS = ["discordjs_016", "eris", "discordjs_018", "discordjs", "dysnomia"];

await Promise.all(PEERS.map(installPeer));

test("clients of all generations hear each other bit for bit in one room", async () => {
  await using stage = await Stage.open();
  const peers = await stage.peers(...PEERS);
  const ours = [
    await stage.ours(),
    await stage.ours(["aead_aes256_gcm_rtpsize"]),
    await stage.ours(["xsalsa20_poly1305_suffix"]),
  ];
  const bots = [...peers, ...ours];
  await talk(bots, { count: 60 });
  assertEquals(bots.map(({ mode }) => mode), [
    "xsalsa20_poly1305_lite",
    "xsalsa20_poly1305",
    "aead_aes256_gcm_rtpsize",
    "aead_aes256_gcm_rtpsize",
    "aead_aes256_gcm_rtpsize",
    "aead_xchacha20_poly1305_rtpsize",
    "aead_aes256_gcm_rtpsize",
    "xsalsa20_poly1305_suffix",
  ]);
  assertEquals(peers.map((bot) => stage.gatewayVersion(bot)), [4, 4, 4, 8, 8]);
  assertHealthy(peers);
});
