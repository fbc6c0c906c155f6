import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { nobleAead } from "../../lib/aead.ts";
import type { Output } from "../../lib/io.ts";
import {
  DISCOVERY_FORMS,
  DISCOVERY_LIMIT,
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
} from "../../lib/ip_discovery.ts";
import { KEEPALIVE_INTERVAL, keepaliveReply } from "../../lib/keepalive.ts";
import { COUNTER_KEEPALIVES, counterKeepalive } from "../../lib/keepalive_counter.ts";
import { Outbox } from "../../lib/outbox.ts";
import { PacketCipher } from "../../lib/packet.ts";
import { sealRtpPacket } from "../../lib/rtp/packet.ts";
import { TimerTable } from "../../lib/timer.ts";
import { UdpPath, type UdpPathOptions } from "../../lib/udp_path.ts";
import { DESCRIPTION, Driver, driveTo, KEY, READY, sentBy } from "../tools/driver.ts";
import { toHex } from "../tools/vectors.ts";

const SSRC = 0xdeadbeef;
const FOUND = { address: "203.0.113.7", port: 50004 };

function setup(options?: UdpPathOptions) {
  const outbox = new Outbox();
  const timers = new TimerTable();
  const path = new UdpPath(outbox, timers, options);
  const drain = (): Output["type"][] => {
    const types: Output["type"][] = [];
    for (let output; (output = outbox.poll()) !== undefined;) types.push(output.type);
    return types;
  };
  path.open(4, "192.0.2.1", 50001, SSRC);
  assertEquals(drain(), ["openUdp"]);
  return { path, timers, drain, outbox };
}

test("UdpPath.discover() waits twice as long each time, five times", () => {
  const { path, timers } = setup();
  const waits: (number | undefined)[] = [];
  for (let i = 0; i < DISCOVERY_LIMIT; i++) {
    assertEquals(path.discover(1000), true);
    waits.push(timers.next());
  }
  assertEquals(waits, [1200, 1400, 1800, 2600, 4200]);
  assertEquals(path.discover(1000), false);
  path.open(5, "192.0.2.1", 50001, SSRC);
  assertEquals(path.discover(1000), true);
});

test("UdpPath.receive() tells the address, and why not", () => {
  const { path, timers } = setup();
  path.discover(0);
  assertEquals(path.receive(discoveryResponse(SSRC - 1, FOUND), 1), "discovery-rejected");
  assertEquals(path.receive(Uint8Array.of(1, 2, 3), 1), "unknown-datagram");
  assertEquals(path.receive(Uint8Array.of(0x81, 201, 0, 1, 0, 0, 0, 1), 1), "rtcp");
  assertEquals(timers.next(), 200);
  assertEquals(path.receive(discoveryResponse(SSRC, FOUND), 1), FOUND);
  assertEquals(timers.next(), undefined);
});

test("UdpPath.keepAlive() measures the round trip of each keepalive once", () => {
  const { path, timers, drain, outbox } = setup();
  path.keepAlive(0);
  assertEquals(timers.next(), KEEPALIVE_INTERVAL);
  path.keepAlive(5000);
  drain();
  const faults = [1, 2, 2].map((sequence) => path.receive(keepaliveReply(sequence), 5040));
  assertEquals(faults, ["stale-keepalive", undefined, "stale-keepalive"]);
  outbox.poll();
  assertEquals(outbox.poll(), { type: "event", event: { type: "keepalive", roundTrip: 40 } });
  assertEquals(outbox.poll(), undefined);
});

test("UdpPath.close() retires the id at once and disarms its timers", () => {
  const { path, timers, drain } = setup();
  path.discover(0);
  path.keepAlive(0);
  drain();
  path.close();
  assertEquals([path.id, timers.next(), drain()], [undefined, undefined, ["closeUdp"]]);
  path.close();
  path.keepAlive(1);
  assertEquals([drain(), timers.next()], [[], undefined]);
});

for (const form of DISCOVERY_FORMS) {
  const response = discoveryResponse(SSRC, FOUND, form);
  const others = DISCOVERY_FORMS.filter((other) => (other === "74") !== (form === "74"));

  test(`UdpPath asks for discovery in the form ${form} and takes its response`, () => {
    const { path, timers, outbox } = setup({ discovery: form });
    path.discover(0);
    assertEquals(outbox.poll(), {
      type: "transmit",
      id: 4,
      datagram: discoveryRequest(SSRC, form),
    });
    for (const other of others) {
      assertEquals(path.awaits(discoveryResponse(SSRC, FOUND, other)), false, other);
    }
    assertEquals(path.awaits(response), true);
    assertEquals(path.receive(discoveryResponse(SSRC, { ...FOUND, port: 0 }, form), 1), REJECTED);
    assertEquals([path.awaits(response), timers.next()], [true, 200]);
    assertEquals(path.receive(response, 1), FOUND);
    assertEquals(timers.next(), undefined);
  });

  test(`UdpPath awaits a response of ${form} until it came or the socket is closed`, () => {
    const { path } = setup({ discovery: form });
    assertEquals(path.awaits(response), true);
    path.discover(0);
    path.receive(response, 1);
    assertEquals(path.awaits(response), false);
    assertEquals(typeof path.receive(response, 1), "string");
    path.open(5, "192.0.2.1", 50001, SSRC);
    assertEquals(path.awaits(response), true);
    path.close();
    assertEquals(path.awaits(response), false);
  });

  test(`VoiceSession connects by ${form} and hears RTP after that`, () => {
    const driver = connectBy(form, SSRC);
    assertEquals(driver.session.counters.dropped, {});
    const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", Uint8Array.from(KEY), nobleAead);
    // As large as a discovery response: header, 38 bytes and 20 of overhead are 70.
    const opus = new Uint8Array((form === "74" ? 74 : 70) - 32).fill(0xf8);
    const datagram = sealRtpPacket(cipher, { sequence: 1, timestamp: 0, ssrc: SSRC }, opus);
    const into = new Uint8Array(datagram.length);
    assertEquals(driver.session.depacketize(datagram, into), opus.length);
    assertEquals(into.subarray(0, opus.length), opus);
  });
}

const REJECTED = "discovery-rejected";

/** Connects a session as drivers do: `depacketize` first, then `handleInput` where it says so. */
function connectBy(discovery: DiscoveryForm, ssrc: number): Driver {
  const driver = driveTo("identifying", new Driver({ discovery }));
  driver.message(2, { ...READY, ssrc });
  const [asked] = driver.feed({ type: "udpOpen", id: driver.udpId });
  assert(asked.type === "transmit");
  assertEquals(toHex(asked.datagram), toHex(discoveryRequest(ssrc, discovery)));
  const response = discoveryResponse(ssrc, FOUND, discovery);
  assertEquals(driver.session.depacketize(response, new Uint8Array(74)), -1);
  const [select] = sentBy(driver.datagram(response));
  assertEquals([select.op, select.d.data], [1, { ...FOUND, mode: READY.modes[0] }]);
  driver.message(4, DESCRIPTION);
  assertEquals(driver.session.state, "connected");
  return driver;
}

// 0x80c8 at the head is a sender report's.
test("VoiceSession takes a 70-byte response for none of RTP, RTCP, or what else its SSRC is", () => {
  const ssrcs = [1, 0x80c80006, 0x80780001, 0xbfffffff, SSRC, 0x00020046, 0x1337f00d];
  for (const ssrc of ssrcs) {
    for (const form of ["70be", "70le", "70hybrid"] as const) {
      assertEquals(connectBy(form, ssrc).session.counters.dropped, {});
    }
  }
});

test("VoiceSession counts RTP and RTCP that come while it awaits a response", () => {
  const driver = driveTo("discovering", new Driver({ discovery: "70be" }));
  const rtp = new Uint8Array(80);
  rtp.set([0x80, 0x78]);
  assertEquals(driver.session.depacketize(rtp, new Uint8Array(80)), 0);
  rtp[1] = 201;
  assertEquals(driver.session.depacketize(rtp, new Uint8Array(80)), -1);
  driver.datagram(rtp);
  assertEquals(driver.session.counters.dropped, { "not-connected": 2 });
  assertEquals(driver.session.state, "discovering");
});

for (const form of ["counter-le", "counter-be"] as const) {
  test(`UdpPath measures the round trip of the echo of a counter: ${form}`, () => {
    const echo = (count: number) => counterKeepalive(count, form);
    const { path, drain, outbox } = setup({ keepalive: COUNTER_KEEPALIVES[form] });
    path.keepAlive(0);
    assertEquals(outbox.poll(), { type: "transmit", id: 4, datagram: echo(1) });
    drain();
    assertEquals(path.receive(keepaliveReply(1), 20), "stale-keepalive");
    assertEquals(path.receive(echo(2), 20), "stale-keepalive");
    assertEquals(path.receive(echo(1), 30), undefined);
    outbox.poll();
    assertEquals(outbox.poll(), { type: "event", event: { type: "keepalive", roundTrip: 30 } });
    assertEquals(path.receive(echo(1), 40), "stale-keepalive");
  });
}

test("VoiceSession.depacketize() takes no echo of a counter for RTP", () => {
  const driver = driveTo("connected", new Driver({ keepalive: COUNTER_KEEPALIVES["counter-le"] }));
  for (let count = 1; count <= 300; count++) {
    const into = new Uint8Array(64);
    assertEquals(driver.session.depacketize(counterKeepalive(count), into), -1, `${count}`);
  }
  assertEquals(driver.session.counters.dropped, {});
});

test("UdpPath takes an echo for unknown where it sends the official form", () => {
  const { path } = setup();
  path.keepAlive(0);
  assertEquals(path.receive(counterKeepalive(1), 20), "unknown-datagram");
});

test("VoiceSession sends the keepalives that it was told to", () => {
  const forms = [
    [undefined, "1337cafe00000001"],
    [COUNTER_KEEPALIVES["counter-le"], "0100000000000000"],
    [COUNTER_KEEPALIVES["counter-be"], "0000000000000001"],
    [{ build: (count: number) => Uint8Array.of(7, count), parse: () => undefined }, "0701"],
  ] as const;
  for (const [keepalive, expected] of forms) {
    const driver = driveTo("connected", new Driver({ keepalive }));
    const sent = driver.wait(0).flatMap((output) =>
      output.type === "transmit" ? [toHex(output.datagram)] : []
    );
    assertEquals(sent, [expected]);
  }
});

test("UdpPath.address is known from discovery on, until the socket is closed", () => {
  const { path } = setup();
  path.discover(0);
  path.receive(discoveryResponse(SSRC - 1, FOUND), 1);
  assertEquals(path.address, undefined);
  path.receive(discoveryResponse(SSRC, FOUND), 1);
  assertEquals(path.address, FOUND);
  path.receive(discoveryResponse(SSRC, { ...FOUND, port: 1 }), 1);
  assertEquals(path.address, FOUND);
  path.close();
  assertEquals(path.address, undefined);
  path.open(5, "192.0.2.1", 50001, SSRC);
  assertEquals(path.address, undefined);
});

test("UdpPath refuses forms of discovery that are none", () => {
  const make = (options: object) => () => setup(options as UdpPathOptions);
  for (const discovery of ["70", "75", "", 74, null]) {
    assertThrows(
      make({ discovery }),
      RangeError,
      `Cannot use discovery ${discovery}: it is one of`,
    );
  }
});
