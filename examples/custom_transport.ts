/**
 * The core on a transport of one's own: it joins a voice channel, sends a second of
 * silence, prints what it hears meanwhile, and leaves.
 *
 *     deno run --allow-net examples/custom_transport.ts \
 *       ENDPOINT SERVER_ID CHANNEL_ID USER_ID SESSION_ID TOKEN
 *
 * `ENDPOINT` is `HOST[:PORT]`, or `ws://127.0.0.1:PORT` for `deno task server`. Runs
 * unmodified on `deno`, `bun` and `node`. A line of output is a packet that was heard: its
 * speaker, and the bytes of the Opus frame.
 *
 * The transport is the 25 lines of `feed` and `perform`. What happens goes in by `feed`;
 * what is to be done comes out and is performed in order; one timer follows the session's
 * deadline. A socket reports with the id that the session gave it, so that what comes late
 * from an old one is known as such.
 *
 * @module
 */

import { randomFillSync } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Input, type Output, type SessionEvent, VoiceSession } from "@sotto/voice/core";

const [endpoint, guildId, channelId, userId, sessionId, token] = process.argv.slice(2);
if (token === undefined) {
  console.error(
    "Usage: custom_transport.ts ENDPOINT SERVER_ID CHANNEL_ID USER_ID SESSION_ID TOKEN",
  );
  process.exit(2);
}
const random = (into: Uint8Array) => void randomFillSync(into);
const session = new VoiceSession({ guildId, userId, random });

// The transport.

let ws: WebSocket, udp: Socket, timer: ReturnType<typeof setTimeout>;

function feed(input: Input, earliest = 0): void {
  const now = Math.max(earliest, performance.now());
  session.handleInput(input, now);
  for (let output; (output = session.pollOutput()) !== undefined;) perform(output);
  clearTimeout(timer);
  const at = session.pollTimeout();
  if (at !== undefined) timer = setTimeout(feed, Math.max(0, at - now), { type: "timeout" }, at);
}

function perform(o: Output): void {
  if (o.type === "sendWebSocket") ws.send(o.data as string | Uint8Array<ArrayBuffer>);
  else if (o.type === "closeWebSocket") ws.close(o.code);
  else if (o.type === "transmit") udp.send(o.datagram);
  else if (o.type === "closeUdp") udp.close();
  else if (o.type === "event") tell(o.event);
  else if (o.type === "openWebSocket") {
    ws = new WebSocket(o.url);
    ws.binaryType = "arraybuffer";
    ws.onopen = () => feed({ type: "websocketOpen", id: o.id });
    ws.onmessage = (e) => feed({ type: "websocketMessage", id: o.id, data: content(e.data) });
    ws.onclose = ({ code, reason }) => feed({ type: "websocketClose", id: o.id, code, reason });
  } else if (o.type === "openUdp") {
    udp = createSocket("udp4", (datagram) => hear(o.id, datagram)).on("error", () => {});
    udp.connect(o.port, o.address, () => feed({ type: "udpOpen", id: o.id }));
  }
}

// What is particular to this program.

const silence = Uint8Array.of(0xf8, 0xff, 0xfe);
const opus = new Uint8Array(2048);

function content(data: string | ArrayBuffer): string | Uint8Array {
  return typeof data === "string" ? data : new Uint8Array(data);
}

async function talk(): Promise<void> {
  for (let left = 50; left > 0 && session.state !== "closed"; await delay(20)) {
    // A buffer for each: a runtime may read it after `send` has returned.
    const datagram = new Uint8Array(silence.length + 32);
    if (session.packetize(silence, datagram) === 0) continue;
    udp.send(datagram);
    left--;
  }
}

function hear(id: number, datagram: Uint8Array): void {
  const size = session.depacketize(datagram, opus, performance.now());
  if (size < 0) return feed({ type: "datagram", id, data: datagram });
  if (size === 0) return;
  console.log(`${session.userOf(session.received.ssrc)} ${opus.subarray(0, size).join(" ")}`);
}

function tell(event: SessionEvent): void {
  if (event.type !== "closed" || event.error === undefined) return;
  console.error(`${event.error.message}. ${event.error.hint}`);
  process.exitCode = 1;
}

feed({ type: "join", channelId, server: { endpoint, sessionId, token } });
feed({ type: "speak", flags: 1 });
await talk();
if (session.state !== "closed") feed({ type: "leave" });
