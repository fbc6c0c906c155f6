/**
 * A bot on Eris or on Dysnomia, which descends from it: the library's whole client, on our
 * stand-in for the main gateway.
 */

import { once } from "node:events";
import { obey, report, reportMessage, reportOpus, streamOf } from "./bot.mjs";

const VOICE_STATE_UPDATE = 4;

/** Runs a bot; `Client` is the library's. */
export function runBot(Client) {
  let client;
  let connection;
  const listenedTo = new Set();

  async function join({ gateway: url, token, guildId, channelId }) {
    client = new Client(token);
    client.getGateway = () => Promise.resolve({ url }); // would ask Discord's REST API
    await Promise.all([once(client, "ready"), client.connect()]);
    client.on("error", ({ message }) => report("error", { message }));
    // As `client.joinVoiceChannel`, which looks the channel up among those of GUILD_CREATE.
    client.shards.get(0).sendWS(VOICE_STATE_UPDATE, {
      guild_id: guildId,
      channel_id: channelId,
      self_mute: false,
      self_deaf: false,
    });
    connection = await client.voiceConnections.join(guildId, channelId, { opusOnly: true });
    watch(connection);
    report("state", { state: "ready", ssrc: connection.ssrc, mode: connection.mode });
  }

  function watch(connection) {
    connection.on("error", ({ message }) => report("error", { message }));
    connection.on("warn", (message) => report("error", { message }));
    connection.on("debug", (message) => {
      const [, received, text] = /^(Rec: )?(\{.*\})$/s.exec(message) ?? [];
      if (text !== undefined) reportMessage(received ? "received" : "sent", text);
    });
  }

  function hear({ userId }) {
    if (listenedTo.size === 0) {
      connection.receive("opus").on("data", (opus, speaker) => {
        if (listenedTo.has(speaker)) reportOpus(speaker, opus);
      });
    }
    listenedTo.add(userId);
    report("hearing", { userId });
  }

  function speak() {
    connection.setSpeaking(1);
  }

  function play({ packets }) {
    connection.once("end", () => report("played"));
    connection.play(streamOf(packets), { format: "opusPackets" });
  }

  function leave() {
    connection?.disconnect();
    client?.disconnect({ reconnect: false });
  }

  obey({ join, hear, speak, play, leave });
}
