/**
 * A bot that joins with our `joinVoice` inside a real gateway library: the library has the main
 * gateway, ours the voice.
 */

import { joinVoice, SpeakingFlags } from "../../mod.ts";
import { Buffer } from "node:buffer";
import { obey, report, reportOpus } from "./bot.mjs";
import { guildOf, startGatewayFront } from "./gateway_front.mjs";

const [SPEAKING, HEARTBEAT_ACK] = [5, 6];

/** Runs a bot; `login` resolves with its `userId`, its `adapterCreator` and how to `close` it. */
export function runBot(login) {
  let front;
  let bot;
  let connection;

  async function join({ gateway, token, guildId, channelId }) {
    front = await startGatewayFront(gateway, guildOf(guildId, channelId));
    bot = await login({ api: front.api, token, guildId });
    const { userId, adapterCreator } = bot;
    connection = await joinVoice({ guildId, channelId, userId, adapterCreator, onEvent });
    reportReady(connection);
  }

  function reportReady({ ssrc, mode }) {
    report("state", { state: "ready", ssrc, mode });
  }

  function onEvent(event) {
    const { type, userId } = event;
    const received = { direction: "received", userId };
    if (type === "ready" && connection !== undefined) reportReady(event);
    else if (type === "speaking") report("message", { ...received, op: SPEAKING });
    else if (type === "heartbeat") report("message", { ...received, op: HEARTBEAT_ACK });
  }

  async function hear({ userId }) {
    const speakers = connection.speakers();
    report("hearing", { userId });
    for await (const speaker of speakers) {
      if (speaker.userId !== userId) continue;
      for await (const { opus } of speaker) reportOpus(userId, opus);
    }
  }

  function speak() {
    connection.setSpeaking(SpeakingFlags.Microphone);
  }

  async function play({ packets }) {
    await connection.play(packets.map((hex) => new Uint8Array(Buffer.from(hex, "hex"))));
    report("played");
  }

  async function leave() {
    await connection?.[Symbol.asyncDispose]();
    await bot?.close();
    front?.close();
  }

  obey({ join, hear, speak, play, leave });
}
