import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
} from "../../../lib/ip_discovery.ts";
import { byId, hex, loadVectors, toHex, type TransportVectors } from "../../tools/vectors.ts";
import { type RawClient, Rig } from "./rig.ts";

const { udp_keepalive } = loadVectors<TransportVectors>("transport.json");
const PORT = 40_001;

function alone(options: ConstructorParameters<typeof Rig>[0] = {}): { rig: Rig; bot: RawClient } {
  const rig = new Rig(options);
  const bot = rig.identify("10");
  bot.port = PORT;
  return { rig, bot };
}

/** What a rig answers to a datagram, in hexadecimal. */
function answers({ rig, bot }: ReturnType<typeof alone>, datagram: Uint8Array): string[] {
  const before = rig.datagrams.length;
  bot.sendDatagram(datagram);
  return rig.datagrams.slice(before).map((sent) => toHex(sent.datagram));
}

function responseOf(ssrc: number, form: DiscoveryForm): string {
  return toHex(discoveryResponse(ssrc, { address: "127.0.0.1", port: PORT }, form));
}

for (
  const [asked, answered] of [
    ["74", "74"],
    ["70be", "70be"],
    ["70le", "70be"],
    ["70hybrid", "70hybrid"],
  ] as const
) {
  test(`PacketRelay answers discovery of ${asked} with ${answered}`, () => {
    const { rig, bot } = alone();
    const request = discoveryRequest(bot.ssrc, asked);
    assertEquals(answers({ rig, bot }, request), [responseOf(bot.ssrc, answered)]);
    assertEquals(rig.events.at(-1)?.type, "discovery");
    assertEquals([rig.server.stats().discoveries, rig.server.stats().dropped], [1, {}]);
  });
}

for (const discovery of ["74", "70be", "70le"] as const) {
  test(`PacketRelay answers discovery with ${discovery} where that is forced`, () => {
    const { rig, bot } = alone({ discovery });
    for (const asked of ["74", "70be", "70le", "70hybrid"] as const) {
      const request = discoveryRequest(bot.ssrc, asked);
      assertEquals(answers({ rig, bot }, request), [responseOf(bot.ssrc, discovery)], asked);
    }
    assertEquals(rig.server.stats().discoveries, 4);
  });
}

test("PacketRelay takes a 70-byte request for an SSRC that looks like RTP for discovery", () => {
  const { rig, bot } = alone();
  for (const form of ["70be", "70hybrid"] as const) {
    assertEquals(answers({ rig, bot }, discoveryRequest(0x80780000, form)), []);
  }
  assertEquals(rig.server.stats().dropped, { "unknown-ssrc": 2 });
});

test("PacketRelay answers clients that have not cleared what follows the SSRC", () => {
  const { rig, bot } = alone();
  for (const form of ["74", "70be", "70hybrid"] as const) {
    for (const at of [8, 40, 69]) {
      const request = discoveryRequest(bot.ssrc, form);
      request[at] = 1;
      const expected = form === "70be" ? 0 : 1; // which is known by its zeros only
      assertEquals(answers({ rig, bot }, request).length, expected, `${form} ${at}`);
    }
  }
  const { discoveries, dropped } = rig.server.stats();
  assertEquals([discoveries, dropped], [6, { "bad-version": 3 }]);
});

test("PacketRelay drops and counts requests whose length field is wrong", () => {
  const { rig, bot } = alone();
  for (const form of ["74", "70hybrid"] as const) {
    const request = discoveryRequest(bot.ssrc, form);
    request[3] = 74;
    assertEquals(answers({ rig, bot }, request), [], form);
  }
  assertEquals(rig.server.stats().dropped, { "bad-discovery": 2 });
});

test("PacketRelay answers the official keepalive only, and counts the other forms", () => {
  const { rig, bot } = alone();
  const answered = udp_keepalive.map(({ packet }) => answers({ rig, bot }, hex(packet)));
  assertEquals(answered, [["1337f00d00000001"], [], [], [], [], []]);
  const { keepalivesAnswered, keepalivesIgnored, dropped } = rig.server.stats();
  // P02 is the reply of a server: no keepalive.
  assertEquals([keepalivesAnswered, keepalivesIgnored, dropped], [1, 4, { "too-short": 1 }]);
});

test("PacketRelay echoes counters where it is told to, no SSRC and no JDA", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  for (const id of ["P03", "P04"]) {
    const { packet } = byId(udp_keepalive, id);
    assertEquals(answers({ rig, bot }, hex(packet)), [packet], id);
  }
  assertEquals(answers({ rig, bot }, hex("1337cafe00000001")), ["1337f00d00000001"]);
  for (const id of ["P05", "P06"]) {
    assertEquals(answers({ rig, bot }, hex(byId(udp_keepalive, id).packet)), [], id);
  }
  const { keepalivesAnswered, keepalivesIgnored, dropped } = rig.server.stats();
  assertEquals([keepalivesAnswered, keepalivesIgnored, dropped], [3, 2, {}]);
});

// What arrives is borrowed until the call returns; what is sent is looked at later.
test("PacketRelay echoes a copy", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  const counter = hex("0500000000000000");
  bot.sendDatagram(counter);
  counter.fill(0xee);
  assertEquals(toHex(rig.datagrams.at(-1)!.datagram), "0500000000000000");
});

test("PacketRelay drops eight or nine bytes that are no keepalive", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  for (const datagram of ["0000000100000001", "c90000000000000001", "ca0000000000000000"]) {
    assertEquals(answers({ rig, bot }, hex(datagram)), [], datagram);
  }
  const { keepalivesIgnored, dropped } = rig.server.stats();
  assertEquals([keepalivesIgnored, dropped], [0, { "too-short": 3 }]);
});
