/**
 * Every version of the voice gateway, every encryption mode and every form of IP
 * discovery: `play.ts` and `record.ts` as child processes, against the embedded server.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { joinVoice, SILENCE_COUNT, type VoiceConnection } from "@sotto/voice";
import { writeOggOpus } from "@sotto/voice/audio";
import { GATEWAY_VERSIONS, type GatewayVersion, SEALING_MODES } from "@sotto/voice/core";
import { type ForcedDiscovery, type ServerEvent, startVoiceServer } from "@sotto/voice/testing";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";
import { type Child, type Ending, startChild } from "../tools/child.ts";
import { until, within } from "../tools/waiting.ts";

const LIMIT = 60_000;
const [PLAYER, RECORDER, LISTENER] = ["100000000000000001", "100000000000000002", "3"];
const FORMS: readonly ForcedDiscovery[] = ["74", "70be", "70le"];
const PACKETS = Array.from({ length: 12 }, (_, i) => Uint8Array.of(0xfc, 1, 2 * i, 3 * i));

/** A generation of the protocol, as options of the examples. */
function optionsOf(version: number): Record<string, string> {
  return {
    "gateway-version": `${version}`,
    modes: SEALING_MODES[(version - 1) % SEALING_MODES.length],
    discovery: FORMS[version % FORMS.length],
  };
}

async function start(
  program: "play" | "record",
  options: Readonly<Record<string, string>>,
  ...files: string[]
): Promise<Child> {
  const runtime = currentRuntime();
  const path = fileURLToPath(new URL(`../../examples/${program}.ts`, import.meta.url));
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return startChild(await runtimePath(runtime), runArguments(runtime, path, [...args, ...files]));
}

async function hear(listener: VoiceConnection): Promise<Uint8Array[]> {
  for await (const speaker of listener.speakers()) {
    if (speaker.userId !== PLAYER) continue;
    return (await Array.fromAsync(speaker)).map(({ opus }) => opus);
  }
  return [];
}

function report({ code, stdout, stderr }: Ending): Record<string, unknown> {
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

for (const version of GATEWAY_VERSIONS) {
  const generation = optionsOf(version);
  const named = `version ${version}, ${generation.modes}, discovery ${generation.discovery}`;

  test(
    `play.ts and record.ts speak ${named}`,
    within(LIMIT, async () => {
      const folder = mkdtempSync(join(tmpdir(), "sotto-generations-"));
      try {
        const file = join(folder, "talk.ogg");
        writeFileSync(file, writeOggOpus(PACKETS));
        const told: ServerEvent[] = [];
        await using server = await startVoiceServer({
          discovery: generation.discovery as ForcedDiscovery,
          onEvent: (event) => told.push(event),
        });
        const call = { url: server.url, "server-id": "1", "channel-id": "2", token: "t" };
        // Of the present generation, whatever the others are.
        await using listener = await joinVoice({
          guildId: "1",
          channelId: "2",
          userId: LISTENER,
          discovery: generation.discovery as ForcedDiscovery,
          server: { endpoint: server.url, sessionId: "l", token: "t" },
        });
        const heard = hear(listener);
        const options = { ...call, ...generation };
        using recorder = await start("record", {
          ...options,
          "user-id": RECORDER,
          "session-id": "r",
          out: folder,
          seconds: "60",
        });
        await until(() =>
          told.some(({ type, userId }) => type === "speaking" && userId === RECORDER)
        );
        using player = await start("play", {
          ...options,
          "user-id": PLAYER,
          "session-id": "p",
        }, file);
        const played = report(await player.ended);
        assertEquals([played.packetsSent, played.mode], [PACKETS.length, generation.modes]);
        listener.leave();
        assertEquals((await heard).slice(0, PACKETS.length), PACKETS);
        recorder.interrupt();
        const recording = JSON.parse((await recorder.ended).stdout);
        assertEquals(
          recording.speakers.map(({ userId, packetsReceived }: Record<string, unknown>) => {
            return [userId, packetsReceived];
          }),
          [[PLAYER, PACKETS.length + SILENCE_COUNT]],
        );
        for (const userId of [PLAYER, RECORDER]) assertGeneration(told, userId, version);
        assertEquals(server.stats().dropped, {});
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
  );
}

/** The client has asked for the version, and learnt the address from which it is seen. */
function assertGeneration(
  told: readonly ServerEvent[],
  userId: string,
  version: GatewayVersion,
): void {
  const own = told.filter((event) => event.userId === userId);
  const { websocket } = own[0];
  const [connect] = told.filter((event) => event.websocket === websocket);
  assertEquals(connect.type === "connect" && connect.version, version);
  const addresses = own.flatMap((event) =>
    event.type === "discovery" || event.type === "select" ? [`${event.address}:${event.port}`] : []
  );
  assertEquals(addresses.length, 2);
  assertEquals(addresses[0], addresses[1]);
}

for (
  const [option, value] of [["gateway-version", "10"], ["modes", "plain"], ["discovery", "72"]]
) {
  test(
    `play.ts exits with 2 on --${option} ${value}`,
    within(LIMIT, async () => {
      const call = { url: "ws://127.0.0.1:1", "server-id": "1", "channel-id": "2", token: "t" };
      const ids = { "user-id": "1", "session-id": "2" };
      using child = await start("play", { ...call, ...ids, [option]: value }, "x.ogg");
      const { code, stdout, stderr } = await child.ended;
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, `Cannot use --${option} ${value}: it is one of `);
    }),
  );
}
