/**
 * A small radio, written for @discordjs/voice 0.19: it joins, plays a file with a pause in it,
 * listens to one user meanwhile, and leaves. What happens it prints, a line of JSON each.
 *
 * It is run twice: as it stands, and with its first import naming another module.
 */

import {
  AudioPlayerStatus,
  createAudioPlayer,
  createAudioResource,
  demuxProbe,
  EndBehaviorType,
  entersState,
  generateDependencyReport,
  getVoiceConnection,
  joinVoiceChannel,
  VoiceConnectionDisconnectReason,
  VoiceConnectionStatus,
} from "@discordjs/voice";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

const { gatewayModule, url, token, guildId, channelId, file, speaker } = JSON.parse(
  process.argv[2],
);
const { MainGateway } = await import(gatewayModule);

function say(what, value) {
  console.log(JSON.stringify({ what, value }));
}

const gateway = new MainGateway();
const { id } = await gateway.connect(url, token);

const connection = joinVoiceChannel({
  guildId,
  channelId,
  selfDeaf: false,
  daveEncryption: false,
  adapterCreator: gateway.adapterCreator(id),
});
connection.on("stateChange", (from, to) => {
  if (from.status !== to.status) say("connection", to.status);
});
connection.on(VoiceConnectionStatus.Disconnected, async (_, state) => {
  say("reason", state.reason === VoiceConnectionDisconnectReason.Manual);
  try {
    await Promise.race([
      entersState(connection, VoiceConnectionStatus.Signalling, 5_000),
      entersState(connection, VoiceConnectionStatus.Connecting, 5_000),
    ]);
  } catch {
    connection.destroy();
  }
});
say("same", getVoiceConnection(guildId) === connection);
say("report", generateDependencyReport().includes("Core Dependencies"));

const player = createAudioPlayer();
player.on("stateChange", (from, to) => {
  if (from.status !== to.status) say("player", to.status);
});
player.on("error", (error) => say("error", error.message));
player.on("subscribe", (subscription) => say("subscribe", subscription.player === player));

await entersState(connection, VoiceConnectionStatus.Ready, 20_000);
connection.subscribe(player);

const listening = connection.receiver.subscribe(speaker, {
  end: { behavior: EndBehaviorType.AfterSilence, duration: 300 },
});
const heard = [];
listening.on("data", (packet) => heard.push(packet.toString("hex")));
connection.receiver.speaking.on("start", (userId) => say("start", userId === speaker));
connection.receiver.speaking.on("end", (userId) => say("end", userId === speaker));
const listened = once(listening, "end");

const { stream, type } = await demuxProbe(createReadStream(file));
say("type", type);
const resource = createAudioResource(stream, { inputType: type, metadata: { title: "a file" } });
player.play(resource);
await entersState(player, AudioPlayerStatus.Playing, 5_000);
say("title", player.state.resource.metadata.title);
await sleep(310);
say("paused", player.pause());
await sleep(300);
say("unpaused", player.unpause());
await entersState(player, AudioPlayerStatus.Idle, 30_000);
say("duration", resource.playbackDuration);
await listened;
say("heard", heard);

say("disconnected", connection.disconnect());
say("rejoined", connection.rejoin({ channelId, selfDeaf: true, selfMute: false }));
await entersState(connection, VoiceConnectionStatus.Ready, 20_000);
say("attempts", connection.rejoinAttempts);
connection.destroy();
say("gone", getVoiceConnection(guildId) === undefined);
gateway.close();
