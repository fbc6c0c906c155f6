import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { EndBehaviorType } from "../../../adapters/discordjs/audio_receive_stream.ts";
import { VoiceReceiver } from "../../../adapters/discordjs/voice_receiver.ts";
import { inFakeTime } from "../fake_sockets.ts";
import { ALICE, BOB, FakeConnection, packets, settle } from "./fixtures.ts";

function frameOf(userId: string, opus: Uint8Array) {
  return { userId, ssrc: 7, sequence: 1, timestamp: 960, at: 0, opus };
}

test(
  "VoiceReceiver hands frames to the user's stream, and tells who speaks",
  inFakeTime(async (time) => {
    const connection = new FakeConnection();
    const receiver = new VoiceReceiver(connection);
    assertStrictEquals(receiver.voiceConnection, connection);
    const stream = receiver.subscribe(ALICE);
    assertStrictEquals(receiver.subscribe(ALICE), stream);
    const heard: Buffer[] = [];
    stream.on("data", (packet) => heard.push(packet));
    const told: string[] = [];
    receiver.speaking.on("start", (userId) => told.push(userId));
    for (const packet of packets(3)) receiver.onFrame(frameOf(ALICE, new Uint8Array(packet)));
    receiver.onFrame(frameOf(BOB, packets(1)[0]));
    await settle();
    assertEquals(heard, packets(3));
    assert(heard.every((packet) => Buffer.isBuffer(packet)));
    assertEquals(told, [ALICE, BOB]);
    receiver.close();
    await settle();
    assertEquals([stream.destroyed, receiver.subscriptions.size, time.armed], [true, 0, []]);
  }),
);

test("VoiceReceiver takes options, and forgets a stream that closes", async () => {
  const receiver = new VoiceReceiver(new FakeConnection());
  const end = { behavior: EndBehaviorType.AfterSilence, duration: 100 } as const;
  const stream = receiver.subscribe(ALICE, { end });
  assertEquals(stream.end, end);
  assertStrictEquals(receiver.subscriptions.get(ALICE), stream);
  stream.destroy();
  await settle();
  assertEquals(receiver.subscriptions.size, 0);
  const next = receiver.subscribe(ALICE);
  assert(next !== stream);
  assertEquals(next.end, { behavior: EndBehaviorType.Manual });
  next.destroy();
});

test("VoiceReceiver maps SSRCs while their users are there", () => {
  const receiver = new VoiceReceiver(new FakeConnection());
  receiver.onEvent({ type: "speaking", userId: ALICE, ssrc: 7, flags: 1 });
  assertEquals(receiver.ssrcMap.get(7), { userId: ALICE, audioSSRC: 7 });
  receiver.onEvent({ type: "clientDisconnect", userId: ALICE });
  assertEquals(receiver.ssrcMap.get(7), undefined);
});

test("VoiceReceiver.onWsPacket() learns SSRCs of sound and video, and forgets them", () => {
  const receiver = new VoiceReceiver(new FakeConnection());
  receiver.onWsPacket({ op: 5, d: { user_id: ALICE, ssrc: 7, speaking: 1 } });
  assertEquals(receiver.ssrcMap.get(ALICE), { userId: ALICE, audioSSRC: 7 });
  const video = { user_id: ALICE, audio_ssrc: 7, video_ssrc: 8, streams: [] };
  receiver.onWsPacket({ op: 12, d: video });
  assertEquals(receiver.ssrcMap.get(7), { userId: ALICE, audioSSRC: 7, videoSSRC: 8 });
  receiver.onWsPacket({ op: 12, d: { ...video, video_ssrc: 0 } });
  assertEquals(receiver.ssrcMap.get(7)?.videoSSRC, undefined);
  receiver.onWsPacket({ op: 13, d: { user_id: ALICE } });
  assertEquals(receiver.ssrcMap.get(7), undefined);
});

test("VoiceReceiver.onUdpMessage() hands datagrams to the connection, connectionData is its", () => {
  const connection = new FakeConnection();
  const receiver = new VoiceReceiver(connection);
  const datagram = Uint8Array.of(0x80, 0x78);
  receiver.onUdpMessage(datagram);
  assertEquals(connection.datagrams, [datagram]);
  assertEquals(receiver.connectionData, {});
  const connectionData = { ssrc: 5, packetsPlayed: 3 } as typeof receiver.connectionData;
  const networking = { state: { connectionData } } as typeof connection.state.networking;
  connection.state = { status: "ready", networking };
  assertEquals(receiver.connectionData.ssrc, 5);
});
