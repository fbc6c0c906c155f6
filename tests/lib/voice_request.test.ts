import { assertEquals } from "@std/assert";
import test from "node:test";
import { Outbox } from "../../lib/outbox.ts";
import { GATEWAY_LIMIT, Signalling } from "../../lib/signalling.ts";
import { TimerTable } from "../../lib/timer.ts";
import { VoiceRequest } from "../../lib/voice_request.ts";

function setup(server?: { endpoint: string; token: string; sessionId: string }) {
  const outbox = new Outbox();
  const timers = new TimerTable();
  const signalling = new Signalling("1", "2", 8);
  signalling.join({ type: "join", channelId: "3", server });
  const request = new VoiceRequest(signalling, outbox, timers, 3000);
  /** Channels of the op 4 that have gone out since the last time. */
  const channels = () => {
    const sent: (string | null)[] = [];
    for (let output; (output = outbox.poll()) !== undefined;) {
      if (output.type === "sendGateway") sent.push(output.payload.d.channel_id);
    }
    return sent;
  };
  return { signalling, timers, request, channels };
}

test("VoiceRequest enters, leaves first where the client is inside, and comes back after a third", () => {
  const { timers, request, channels } = setup();
  request.begin(false, 100);
  assertEquals([channels(), timers.next()], [["3"], 1100]);
  request.begin(true, 200);
  assertEquals([channels(), timers.next()], [[null, "3"], 1200]);
});

test("VoiceRequest enters again; where only the server is missing, it leaves and enters the second time", () => {
  const { signalling, timers, request, channels } = setup();
  request.begin(false, 0);
  channels();
  request.repeat(false, 1000);
  assertEquals([channels(), timers.next()], [["3"], 2000]);
  signalling.takeState("3", "session");
  request.begin(false, 60_000);
  channels();
  request.repeat(false, 61_000);
  assertEquals(channels(), []);
  request.repeat(false, 62_000);
  assertEquals(channels(), [null, "3"]);
});

test("VoiceRequest keeps to the limit of op 4, and leaves room for leaving", () => {
  const { request, channels } = setup();
  request.begin(false, 0);
  for (let i = 1; i < 10; i++) request.repeat(false, i);
  assertEquals(channels().length, GATEWAY_LIMIT - 1);
  request.send("exit", 10);
  assertEquals(channels(), [null]);
});

test("VoiceRequest sends nothing where the caller signals", () => {
  const { request, channels } = setup({ endpoint: "a.example", token: "t", sessionId: "s" });
  request.begin(true, 0);
  request.repeat(true, 1);
  assertEquals(channels(), []);
});
