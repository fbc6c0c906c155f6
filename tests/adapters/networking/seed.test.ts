/**
 * The usage examples of the documentation that `./networking` follows, as they stand there but
 * for imports, addresses, placeholders and the types that TypeScript demands. `console` is
 * replaced by a list of what was printed.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import {
  type ConnectionOptions,
  Networking,
  type NetworkingOptions,
  NetworkingStatusCode,
  parseLocalPacket,
  VoiceOpcodes,
  type VoiceReceivePayload,
  VoiceUDPSocket,
  VoiceWebSocket,
} from "../../../adapters/networking/mod.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../../adapters/testing/mod.ts";
import { discoveryResponse } from "../../../lib/ip_discovery.ts";
import { until, within } from "../../tools/waiting.ts";
import { connect, GUILD, LIMIT, next, optionsFor, ready, TOKEN, Watched } from "./fixtures.ts";

class Printed {
  readonly lines: string[] = [];
  readonly log = (...args: unknown[]): void => void this.lines.push(args.join(" "));
  readonly error = this.log;
}

/** Identifies by hand; the handshake is the user's. */
async function identify(
  server: RunningVoiceServer,
): Promise<{ ws: VoiceWebSocket; ssrc: number; ip: string; port: number }> {
  const ws = new VoiceWebSocket(server.url, true);
  ws.sendPacket({
    op: VoiceOpcodes.Identify,
    d: { server_id: GUILD, user_id: "300", session_id: "session-of-300", token: TOKEN },
  });
  const isReady = ({ op }: VoiceReceivePayload) => op === VoiceOpcodes.Ready;
  const [{ d }] = await next<[VoiceReceivePayload]>(ws, "packet", isReady);
  const { ssrc, ip = "", port } = d as { ssrc: number; ip?: string; port: number };
  return { ws, ssrc, ip, port };
}

test(
  "the seed's Networking example prints each state and sends audio",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const console = new Printed();

    // Create networking instance (typically done internally by VoiceConnection)
    const networking = new Networking(
      {
        channelId: "123456789012345678",
        endpoint: server.url,
        serverId: GUILD,
        sessionId: "session-id-here",
        token: TOKEN,
        userId: "100000000000000001",
      },
      {
        daveEncryption: true,
        debug: true,
        decryptionFailureTolerance: 24,
      },
    );

    // Monitor networking state
    networking.on("stateChange", (oldState, newState) => {
      console.log(`Networking: ${oldState.code} -> ${newState.code}`);
    });

    const sendAudio = (): void => {
      // Prepare and send audio
      const opusPacket = Buffer.from([0xf8, 0xff, 0xfe]);
      const preparedPacket = networking.prepareAudioPacket(opusPacket);

      if (preparedPacket) {
        networking.dispatchAudio();
      }
    };

    sendAudio();
    await ready(networking);
    assertEquals(console.lines, [
      "Networking: 0 -> 1",
      "Networking: 1 -> 2",
      "Networking: 2 -> 3",
      "Networking: 3 -> 4",
    ]);
    assertEquals(server.stats().accepted, 0);
    sendAudio();
    await until(() => server.stats().accepted === 1);
    networking.destroy();
    assertEquals(console.lines.at(-1), "Networking: 4 -> 6");
  }),
);

test(
  "the seed's VoiceWebSocket example identifies with a packet that was sent before the open",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const console = new Printed();

    const ws = new VoiceWebSocket(server.url, true);

    ws.on("open", () => {
      console.log("Voice WebSocket connected");
    });

    ws.on("packet", (packet) => {
      console.log("Received packet:", packet.op);
    });

    ws.on("close", (code, reason) => {
      console.log(`WebSocket closed: ${code} - ${reason}`);
    });

    // Send identify packet
    ws.sendPacket({
      op: VoiceOpcodes.Identify,
      d: {
        server_id: GUILD,
        user_id: "100000000000000001",
        session_id: "session-id",
        token: TOKEN,
      },
    });

    await until(() => console.lines.includes("Received packet: 2"));
    assertEquals(console.lines.slice(0, 2), ["Voice WebSocket connected", "Received packet: 8"]);
    server.closeClient({ sessionId: "session-id" }, 4014, "Disconnected.");
    await next(ws, "close");
    assertEquals(console.lines.at(-1), "WebSocket closed: 4014 - Disconnected.");
  }),
);

test(
  "the seed's VoiceUDPSocket example discovers the address and sends",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const console = new Printed();
    const identified = await identify(server);

    const udp = new VoiceUDPSocket({ ip: identified.ip, port: identified.port });

    udp.on("message", (message) => {
      console.log("Received UDP message:", message.length, "bytes");
    });

    // Perform IP discovery
    const ssrc = identified.ssrc;
    const localConfig = await udp.performIPDiscovery(ssrc);
    console.log("Discovered local IP:", localConfig.ip, "port:", localConfig.port);

    // Send audio packet
    const before = server.stats().datagrams;
    const audioPacket = Buffer.from([1, 2, 3]);
    udp.send(audioPacket);

    await until(() => server.stats().datagrams > before);
    assertEquals(console.lines[0], "Received UDP message: 74 bytes");
    assertMatch(console.lines[1], /^Discovered local IP: 127\.0\.0\.1 port: \d+$/);
    const answer = Buffer.from(
      discoveryResponse(ssrc, { address: localConfig.ip, port: localConfig.port }),
    );
    assertEquals(parseLocalPacket(answer), localConfig);
    udp.destroy();
    identified.ws.destroy();
  }),
);

test(
  "the seed's subclass is told when it is ready and decides what is sent",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const console = new Printed();
    const calls: string[] = [];

    class CustomNetworking extends Networking {
      constructor(connectionOptions: ConnectionOptions, options: NetworkingOptions) {
        super(connectionOptions, options);
        // Override state change handling
        this.on("stateChange", (_oldState, newState) => {
          if (newState.code === NetworkingStatusCode.Ready) {
            console.log("Custom networking ready for audio");
            this.setupCustomAudioProcessing();
          }
        });
      }
      override prepareAudioPacket(opusPacket: Buffer) {
        // Custom packet preparation logic
        const prepared = super.prepareAudioPacket(opusPacket);
        if (prepared) {
          // Add custom headers or processing
          return this.addCustomHeaders(prepared);
        }
        return prepared;
      }
      private addCustomHeaders(packet: Buffer) {
        // Custom implementation
        calls.push("addCustomHeaders");
        return Buffer.concat([packet, Buffer.from("custom")]);
      }
      private setupCustomAudioProcessing() {
        // Custom audio processing setup
        calls.push("setupCustomAudioProcessing");
      }
    }

    const watched = new Watched();
    const networking = new CustomNetworking(optionsFor(server.url), {
      transport: await watched.transport(),
    });
    assertEquals(networking.prepareAudioPacket(Buffer.from([0xf8])), undefined);
    await ready(networking);
    const prepared = networking.prepareAudioPacket(Buffer.from([0xf8, 0xff, 0xfe]));
    assert(prepared !== undefined && prepared.toString("latin1").endsWith("custom"));
    assert(networking.dispatchAudio());
    assertEquals([...watched.audio[0]], [...prepared]);
    assertEquals(calls, ["setupCustomAudioProcessing", "addCustomHeaders"]);
    assertEquals(console.lines, ["Custom networking ready for audio"]);
    networking.destroy();
  }),
);

test(
  "the seed's direct control does the whole handshake by hand",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const console = new Printed();

    // Direct WebSocket control
    const ws = new VoiceWebSocket(server.url, true);
    const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: server.udpPort });

    let discovered = Promise.resolve({ ip: "", port: 0 });
    ws.on("packet", (packet) => {
      switch (packet.op) {
        case VoiceOpcodes.Ready:
          console.log("Voice ready, starting UDP handshake");
          discovered = udp.performIPDiscovery(packet.d.ssrc);
          break;
        case VoiceOpcodes.SessionDescription:
          console.log("Received session description");
          break;
        case VoiceOpcodes.Speaking:
          console.log("Speaking update:", packet.d.user_id);
          break;
      }
    });

    ws.sendPacket({
      op: VoiceOpcodes.Identify,
      d: { server_id: GUILD, user_id: "300", session_id: "session-of-300", token: TOKEN },
    });
    await until(() => console.lines.length === 1);
    const { ip, port } = await discovered;

    // Custom packet handling
    ws.sendPacket({
      op: VoiceOpcodes.SelectProtocol,
      d: {
        protocol: "udp",
        data: {
          address: ip,
          port,
          mode: "aead_aes256_gcm_rtpsize",
        },
      },
    });

    await until(() => console.lines.length === 2);
    const { networking } = await connect(server.url);
    networking.setSpeaking(true);
    await until(() => console.lines.length === 3);
    assertEquals(console.lines, [
      "Voice ready, starting UDP handshake",
      "Received session description",
      "Speaking update: 100000000000000001",
    ]);
    networking.destroy();
    ws.destroy();
    udp.destroy();
  }),
);

test(
  "the seed's error handlers hear of errors on every level",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ token: TOKEN });
    const console = new Printed();
    const options = { ...optionsFor(server.url), token: "wrong" };
    const networking = new Networking(options, {});
    const ws = new VoiceWebSocket("ws://127.0.0.1:1", false);
    const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: 0 });

    networking.on("error", (error) => {
      console.error("Networking error:", error);
    });

    networking.on("close", () => {
      console.log("Networking connection closed");
    });

    ws.on("error", (error) => {
      console.error("WebSocket error:", error);
    });

    udp.on("error", (error) => {
      console.error("UDP error:", error);
    });

    await until(() => console.lines.length === 4);
    for (const start of ["Networking error: ", "Networking conn", "WebSocket error", "UDP error"]) {
      assert(console.lines.some((line) => line.startsWith(start)), start);
    }
    assertMatch(console.lines.join("\n"), /Networking error: .*4004/);
  }),
);
