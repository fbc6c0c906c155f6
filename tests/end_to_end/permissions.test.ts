/**
 * On Deno a bot needs the network and nothing else: no FFI, environment, files, unstable APIs.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { startVoiceServer } from "@sotto/voice/testing";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { startChild } from "../tools/child.ts";
import { within } from "../tools/waiting.ts";

const BOT = fileURLToPath(new URL("../tools/permission_bot.ts", import.meta.url));
const OPUS = fileURLToPath(new URL("../tools/permission_opus.ts", import.meta.url));
const LIMIT = 30_000;

for (
  const permission of ["--allow-net=127.0.0.1", "--allow-net=127.0.0.1,0.0.0.0", "--allow-net"]
) {
  test(
    `a bot sends on Deno with ${permission} alone`,
    within(LIMIT, async () => {
      await using server = await startVoiceServer();
      const args = ["run", permission, "--no-prompt", "--no-check", BOT, server.url];
      using child = startChild(await runtimePath("deno"), args);
      const { code, stdout, stderr } = await child.ended;
      assertEquals([code, stderr], [0, ""]);
      assertEquals(JSON.parse(stdout), { packetsSent: 20, packetsSkipped: 0, silenceSent: 5 });
      const { accepted, dropped, sessions } = server.stats();
      assertEquals([accepted, dropped, sessions], [25, {}, 0]);
    }),
  );
}

test(
  "a bot on Deno with --allow-net for another host fails: the permissions above are in force",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    // Without any permission flag Deno's `node:child_process` adds -A to a child that is Deno.
    const args = ["run", "--allow-net=127.0.0.2", "--no-prompt", "--no-check", BOT, server.url];
    using child = startChild(await runtimePath("deno"), args);
    const { code, stderr } = await child.ended;
    assertEquals([code, /VoiceConnectError/.test(stderr)], [1, true], stderr);
    assertEquals(server.stats().accepted, 0);
  }),
);

test(
  "createOpus() works on Deno with --allow-net alone, and opusscript tells what it lacks",
  within(LIMIT, async () => {
    const args = ["run", "--allow-net", "--no-prompt", "--no-check", OPUS];
    using child = startChild(await runtimePath("deno"), args);
    const { code, stdout, stderr } = await child.ended;
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), {
      implementation: "libopus-wasm 0.4.0 (libopus 1.6.1)",
      length: 1920,
      opusscript: "Error: Cannot load opusscript: on Deno it needs --allow-read",
    });
  }),
);
