/**
 * A voice server of a few lines on real sockets, independent of the embedded one,
 * that misbehaves as a test tells it.
 *
 * @module
 */

import type { ServerWebSocket } from "../../adapters/testing/transport.ts";
import { serverTransport } from "../../adapters/testing/detect.ts";
import type { SocketAddress } from "../../adapters/transport.ts";
import { discoveryResponse, parseDiscoveryRequest } from "../../lib/ip_discovery.ts";

/** Steps of the handshake, each named after what the client has just done. */
export type Step = "open" | "identify" | "discovery" | "select" | "resume";

/** How the server misbehaves. */
export interface Script {
  /** Is asked at each step; returns the close code to close with, if any. */
  readonly closeAt?: (step: Step) => number | undefined;
  /** Discovery requests that are ignored. */
  readonly lostDiscoveries?: number;
  /** Sent in front of every message. */
  readonly noise?: readonly (string | Uint8Array)[];
}

/** A running server. */
export interface ScriptedServer extends AsyncDisposable {
  /** For `joinVoice`. */
  readonly endpoint: string;
  /** The client's address, once discovery has told it. */
  readonly client: SocketAddress | undefined;
  /** RTP packets that came. */
  readonly packetCount: number;
  /** Names of the steps, in the order in which they happened. */
  readonly steps: readonly Step[];
  /** The key of the last session. */
  readonly key: Uint8Array;
  /** Sends a JSON message to the client. */
  tell(op: number, d: unknown): void;
  /** Sends a datagram to the client. */
  transmit(datagram: Uint8Array): void;
  /** Closes the client's WebSocket. */
  closeClient(code: number): void;
}

const SSRC = 7;

/** Starts a server. */
export async function startScriptedServer(script: Script = {}): Promise<ScriptedServer> {
  const transport = await serverTransport();
  const steps: Step[] = [];
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  let client: SocketAddress | undefined;
  let socket: ServerWebSocket | undefined;
  let lost = script.lostDiscoveries ?? 0;
  let seq = 0;
  let packetCount = 0;

  const reach = (step: Step): boolean => {
    steps.push(step);
    const code = script.closeAt?.(step);
    if (code !== undefined) socket?.close(code, "scripted");
    return code === undefined;
  };
  const tell = (op: number, d: unknown): void => {
    for (const noise of script.noise ?? []) socket?.send(noise);
    socket?.send(JSON.stringify({ op, d, seq: seq++ }));
  };
  const udp = await transport.bindDatagram(0, {
    message(datagram, from) {
      if (datagram[0] === 0x80) packetCount++;
      const request = parseDiscoveryRequest(datagram);
      if (request === undefined || lost-- > 0 || !reach("discovery")) return;
      client = from;
      udp.send(discoveryResponse(request.ssrc, from, request.form), from);
    },
  });
  const answers: Readonly<Record<number, () => void>> = {
    0: () => {
      const modes = ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"];
      if (reach("identify")) tell(2, { ssrc: SSRC, ip: "127.0.0.1", port: udp.port, modes });
    },
    1: () => {
      if (!reach("select")) return;
      tell(4, { mode: "aead_aes256_gcm_rtpsize", secret_key: Array.from(key) });
    },
    7: () => {
      if (reach("resume")) tell(9, null);
    },
  };
  const websocket = await transport.serveWebSocket(0, {
    open(opened) {
      socket = opened;
      if (reach("open")) tell(8, { heartbeat_interval: 500.5 });
    },
    message(sender, data) {
      const { op, d } = JSON.parse(data as string);
      if (sender !== socket) return;
      if (op === 3) socket.send(JSON.stringify({ op: 6, d: { t: d.t } }));
      else answers[op]?.();
    },
    close() {},
  });

  return {
    endpoint: `ws://127.0.0.1:${websocket.port}`,
    steps,
    key,
    get packetCount() {
      return packetCount;
    },
    get client() {
      return client;
    },
    tell,
    transmit(datagram) {
      if (client !== undefined) udp.send(datagram, client);
    },
    closeClient(code) {
      socket?.close(code, "scripted");
    },
    async [Symbol.asyncDispose]() {
      await websocket.close();
      await udp.close();
    },
  };
}
