/**
 * The pure half of the test server: a voice server and a stand-in for the main gateway
 * without I/O, and a simulation that runs both with voice sessions on virtual time. Beside
 * them what a server reads and writes of the protocol, for a server of your own.
 *
 * @example Two bots on virtual time
 * ```ts
 * import { Simulation } from "@sotto/voice/testing/core";
 *
 * const simulation = new Simulation({ seed: 1, loss: 0.1 });
 * const alice = simulation.bot({ userId: "1" });
 * const bob = simulation.bot({ userId: "2" });
 * alice.join();
 * bob.join();
 * simulation.run(1000);
 * alice.speak();
 * alice.send(Uint8Array.of(0xf8, 0xff, 0xfe));
 * simulation.run(1000);
 * for (const { ssrc, opus } of bob.frames) opus.length === 3 && ssrc === alice.session.ssrc;
 * ```
 *
 * @module
 */

export {
  type DiscoveryRequest,
  discoveryResponse,
  parseDiscoveryRequest,
} from "../ip_discovery.ts";
export { keepaliveReply, parseKeepalive } from "../keepalive.ts";
export { decodeClientBinary, encodeReceive } from "../messages.ts";
export { readSendPayload } from "../payload_readers.ts";
export * from "./client_messages.ts";
export type { DaveRejectReason } from "./dave/rejection.ts";
export {
  DATAGRAM_POINTS,
  DAVE_BINARY_POINTS,
  DAVE_TEXT_POINTS,
  type Fault,
  type FaultEnd,
  type FaultName,
  type FaultPoint,
  type FaultRule,
  GATEWAY_POINTS,
  type GatewayFaultPoint,
  MESSAGE_POINTS,
  STEP_POINTS,
  type VoiceFaultPoint,
} from "./faults.ts";
export * from "./gateway_io.ts";
export * from "./gateway_stub.ts";
export * from "./replay_buffer.ts";
export * from "./server_events.ts";
export * from "./server_io.ts";
export * from "./simulation.ts";
export * from "./voice_server.ts";
