import { assertEquals } from "@std/assert";
import test from "node:test";
import { joinVoice } from "@sotto/voice";
import { bindRawGateway, type GatewayBinding } from "@sotto/voice/gateway";
import { type ServerEvent, startVoiceServer } from "@sotto/voice/testing";
import { until, within } from "../../tools/waiting.ts";
import { CHANNEL, Connection, GUILD, ME, op4, SOMEONE, STATE, statePacket } from "./fixtures.ts";

test("bindRawGateway() hands op 4 and its guild to send(), and dispatches to the connection", () => {
  const sent: unknown[] = [];
  const voice = bindRawGateway({
    userId: BigInt(ME),
    send: (payload, guildId) => sent.push([payload, guildId]) < 2,
  });
  const connection = new Connection();
  const adapter = voice.adapterCreator(GUILD)(connection);
  assertEquals([adapter.sendPayload(op4()), adapter.sendPayload(op4())], [true, false]);
  assertEquals(sent, [[op4(), GUILD], [op4(), GUILD]]);
  voice.dispatch(statePacket({ user_id: SOMEONE }));
  voice.dispatch(statePacket());
  assertEquals(connection.told, [STATE]);
});

/** A client of the main gateway that is ready, and its binding. */
async function connect(url: string, userId: string): Promise<{
  socket: WebSocket;
  voice: GatewayBinding;
}> {
  const socket = new WebSocket(url);
  const send = (payload: unknown): boolean => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(payload));
    return true;
  };
  const voice = bindRawGateway({ send });
  await new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      const packet = JSON.parse(data);
      voice.dispatch(packet);
      if (packet.op === 10) send({ op: 2, d: { token: `${btoa(userId)}.raw`, intents: 128 } });
      if (packet.t === "READY") resolve();
    });
  });
  return { socket, voice };
}

test(
  "joinVoice() by bare WebSockets: two bots join, one hears the other, both leave",
  within(10_000, async () => {
    const events: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => events.push(event) });
    const users = [ME, SOMEONE];
    const gateways = await Promise.all(users.map((id) => connect(server.gatewayUrl, id)));
    const join = (userId: string, index: number) =>
      joinVoice({
        guildId: GUILD,
        channelId: CHANNEL,
        userId,
        adapterCreator: gateways[index].voice.adapterCreator(GUILD),
      });
    const [bot, listener] = await Promise.all(users.map(join));
    const speakers = listener.speakers();
    await bot.play([Uint8Array.of(0xf8, 0xff, 0xfe)]);
    for await (const { userId } of speakers) {
      assertEquals(userId, ME);
      break;
    }
    for (const { voice } of gateways) voice.destroy();
    const errors = await Promise.all([bot.closed, listener.closed]);
    assertEquals(errors.map((error) => error?.code), ["gateway-closed", "gateway-closed"]);
    const hasLeft = (id: string) =>
      events.some((event) =>
        event.type === "voice-state" && event.userId === id && event.channelId === null
      );
    await until(() => users.every(hasLeft));
    for (const { socket } of gateways) {
      const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
      socket.close(1000);
      await closed;
    }
  }),
);
