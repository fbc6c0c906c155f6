/** A bot on @discordjs/voice, of whichever version. */

import { obey, report, reportMessage, reportOpus, streamOf } from "./bot.mjs";
import { MainGateway } from "./main_gateway.mjs";

/** Runs a bot; `voice` is the module @discordjs/voice. */
export function runBot(voice) {
  const gateway = new MainGateway();
  const player = voice.createAudioPlayer();
  let connection;

  player.on("error", ({ message }) => report("error", { message }));

  async function join({ gateway: url, token, guildId, channelId, dave = false }) {
    const { id } = await gateway.connect(url, token);
    connection = voice.joinVoiceChannel({
      guildId,
      channelId,
      selfDeaf: false,
      daveEncryption: dave,
      debug: true,
      adapterCreator: gateway.adapterCreator(id),
    });
    connection.subscribe(player);
    connection.on("stateChange", (_, { status, networking }) => {
      const { ssrc, encryptionMode: mode } = networking?.state.connectionData ?? {};
      report("state", { state: status, ssrc, mode });
    });
    connection.on("transitioned", (transitionId) => {
      report("transitioned", { transitionId, privacyCode: connection.voicePrivacyCode });
    });
    connection.on("error", ({ message }) => report("error", { message }));
    connection.on("debug", (message) => {
      const [, arrows, text] = /^\[NW\] \[WS\] (<<|>>) (\{.*\})$/s.exec(message) ?? [];
      if (text !== undefined) reportMessage(arrows === ">>" ? "sent" : "received", text);
    });
  }

  function hear({ userId }) {
    const stream = connection.receiver.subscribe(userId);
    stream.on("data", (opus) => reportOpus(userId, opus));
    stream.on("error", ({ message }) => report("error", { message }));
    report("hearing", { userId });
  }

  function speak() {
    connection.setSpeaking(true);
  }

  function resourceOf(packets) {
    return voice.createAudioResource(streamOf(packets), { inputType: voice.StreamType.Opus });
  }

  function play({ packets }) {
    player.once("idle", () => report("played"));
    player.play(resourceOf(packets));
  }

  function leave() {
    connection?.destroy();
    gateway.close();
  }

  // The first resource of a process blocks it for 100 ms, in which FFmpeg is looked for:
  // better now than while another bot begins to speak.
  resourceOf([]);
  obey({ join, hear, speak, play, leave });
}
