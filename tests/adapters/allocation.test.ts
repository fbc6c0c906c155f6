import { test } from "node:test";
import { assert, assertEquals, assertLess } from "@std/assert";
import { Driver, type DriverHandlers } from "../../adapters/driver.ts";
import type { DatagramSocket } from "../../adapters/transport.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { PacketCipher } from "../../lib/packet.ts";
import { PacketBuffer } from "../../lib/packet_buffer.ts";
import { writeRtpHeader } from "../../lib/rtp_header.ts";
import { VoiceSession } from "../../lib/session.ts";
import { allocatedBy } from "../tools/allocation.ts";
import { FREE_AEAD, KnownKeys } from "../tools/free_ciphers.ts";
import { FakeTransport, inFakeTime } from "./fake_sockets.ts";

/** Bytes a packet: what the measuring itself makes, and a collection, are less. */
const BOUND = 4;

const [USER, SPEAKER] = ["104694319306248192", "852892297661906993"];
const MODE = "aead_aes256_gcm_rtpsize";
const KEY = Array.from({ length: 32 }, () => 3);
/** Beyond what an engine keeps without an object. */
const [SSRC, SPEAKER_SSRC, TIMESTAMP] = [3_000_000_007, 4_000_000_009, 2 ** 31 - 96_000];

const FRAMES = Array.from({ length: 16 }, (_, i) => new Uint8Array(150 + i).fill(0xfc));

/** Sockets that forget what they are given, and ciphers that cost nothing. */
class FreeTransport extends FakeTransport {
  override readonly aead = FREE_AEAD;
  sentCount = 0;

  override openDatagram(...args: Parameters<FakeTransport["openDatagram"]>): DatagramSocket {
    return { ...super.openDatagram(...args), send: () => void this.sentCount++, dropped: 0 };
  }
}

function connect(encrypted: boolean, handlers: Partial<DriverHandlers> = {}) {
  const transport = new FreeTransport();
  const session = new VoiceSession({
    guildId: "41771983423143937",
    userId: USER,
    aead: FREE_AEAD,
    random: (into) => into.fill(0xf1),
    dave: encrypted ? () => new KnownKeys(1, [SPEAKER, 2]) : undefined,
  });
  const driver = new Driver(session, transport, { gateway() {}, event() {}, ...handlers });
  const server = { endpoint: "voice.example:443", token: "token", sessionId: "session" };
  driver.feed({ type: "join", channelId: "127121515262115840", server });
  const { websocket } = transport;
  websocket.handlers.open();
  websocket.receive(8, { heartbeat_interval: 41_250 });
  websocket.receive(2, { ssrc: SSRC, ip: "192.0.2.1", port: 4000, modes: [MODE] });
  transport.udp.handlers.open();
  const client = { address: "203.0.113.9", port: 50_000 };
  transport.udp.handlers.message(discoveryResponse(SSRC, client));
  websocket.receive(4, { mode: MODE, secret_key: KEY });
  websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
  assertEquals(session.state, "connected");
  transport.sentCount = 0;
  return { session, driver, transport };
}

/** The packets of the other user, one after the other in the same memory. */
function packets(encrypted: boolean): () => Uint8Array {
  const buffer = new PacketBuffer(new Uint8Array(512));
  const payload = buffer.bytes.subarray(12);
  const keys = new KnownKeys(2, [USER, 1]);
  const cipher = new PacketCipher(MODE, Uint8Array.from(KEY), FREE_AEAD);
  let sequence = 65_000;
  const timestamp = Int32Array.of(TIMESTAMP); // a variable of a closure would be an object
  return () => {
    const frame = FRAMES[sequence % FRAMES.length];
    writeRtpHeader(buffer.bytes, sequence, timestamp[0], SPEAKER_SSRC);
    sequence = (sequence + 1) & 0xffff;
    timestamp[0] += 960;
    if (!encrypted) payload.set(frame);
    const size = encrypted ? keys.seal(frame, payload) : frame.length;
    return buffer.view(cipher.seal(buffer.bytes, 12, size));
  };
}

for (const encrypted of [false, true]) {
  const kind = encrypted ? "with end-to-end encryption" : "without end-to-end encryption";

  test(
    `VoiceSession.packetize() allocates nothing, ${kind}`,
    inFakeTime(() => {
      const { session } = connect(encrypted);
      const into = new Uint8Array(512);
      let sent = 0;
      const timestamp = Int32Array.of(TIMESTAMP);
      const allocated = allocatedBy(() => {
        timestamp[0] += 960;
        const size = session.packetize(FRAMES[sent++ % 16], into, timestamp[0]);
        if (size === 0) throw new Error("not sent");
      }, BOUND);
      assertLess(allocated, BOUND);
    }),
  );

  test(
    `VoiceSession.depacketize() allocates nothing, ${kind}`,
    inFakeTime(() => {
      const { session } = connect(encrypted);
      const into = new Uint8Array(512);
      const next = packets(encrypted);
      const allocated = allocatedBy(() => {
        if (session.depacketize(next(), into, 1000) <= 0) throw new Error("dropped");
      }, BOUND);
      assertLess(allocated, BOUND);
    }),
  );

  test(
    `Driver.send() allocates nothing, ${kind}`,
    inFakeTime(() => {
      const { driver, transport } = connect(encrypted);
      let sent = 0;
      assertLess(allocatedBy(() => void driver.send(FRAMES[sent++ % 16]), BOUND), BOUND);
      assertEquals(transport.sentCount, sent);
    }),
  );

  // The time of arrival is a number on the heap that the runtime's clock makes: here it stands.
  test(
    `Driver.receive() allocates nothing up to the borrowed frame, ${kind}`,
    inFakeTime(() => {
      let [received, frames, size] = [0, 0, 0];
      const { driver } = connect(encrypted, {
        packet: () => void received++,
        frame({ opus }) {
          frames++;
          size = opus.length;
        },
      });
      const next = packets(encrypted);
      let count = 0;
      const allocated = allocatedBy(() => {
        count++;
        driver.receive(next());
      }, BOUND);
      assertLess(allocated, BOUND);
      assertEquals([received, frames], [count, count]);
      assert(size >= 150);
    }),
  );
}

test("allocatedBy() sees one view a call", () => {
  const bytes = new Uint8Array(16);
  let last = bytes;
  const bound = "Bun" in globalThis ? 1 : 40;
  assert(allocatedBy(() => void (last = bytes.subarray(1)), 0) >= bound);
  assertEquals(last.length, 15);
});
