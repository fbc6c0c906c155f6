/**
 * The signalling of `streams.ts`: voice servers behind TLS that name another UDP port than one of
 * their own, so that no packet reaches them. `streams_server.ts UDP_PORT COUNT DAVE` prints their
 * endpoints and serves until its input ends.
 *
 * @module
 */

import process from "node:process";
import { nativeAead } from "../../adapters/native_aead.ts";
import { nativeMlsCrypto } from "../../adapters/native_mls.ts";
import { serverTransport } from "../../adapters/testing/detect.ts";
import { ServerDriver } from "../../adapters/testing/driver.ts";
import { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import type { DavePolicy } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";
import { startTlsFront } from "../tools/tls_front.ts";

/** Discord's is 13750 or 41250. */
const HEARTBEAT_INTERVAL = 41_250;

const [udpPort, count, dave] = process.argv.slice(2);
const endpoints = await Promise.all(Array.from({ length: Number(count) }, start));
console.log(JSON.stringify(endpoints));
for await (const _ of process.stdin);
process.exit();

/** Starts one server. @returns Its endpoint. */
async function start(): Promise<string> {
  const driver = new ServerDriver(undefined);
  const port = await driver.serve(await serverTransport(), "voice", 0);
  const voice = new VoiceServer({
    random,
    port: Number(udpPort),
    aead: nativeAead,
    mls: nativeMlsCrypto,
    dave: dave as DavePolicy,
    heartbeatInterval: HEARTBEAT_INTERVAL,
  });
  driver.start(voice, new GatewayStub({ random, endpoint: "127.0.0.1", url: "ws://127.0.0.1" }));
  const front = await startTlsFront(port);
  return `127.0.0.1:${front.port}`;
}

function random(into: Uint8Array): void {
  crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
}
