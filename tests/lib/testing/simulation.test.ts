import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";

import { ALL_ENCRYPTION_MODES } from "../../../lib/packet.ts";
import { nobleCiphers } from "../../../lib/secretbox.ts";
import { Simulation, type SimulationOptions } from "../../../lib/testing/simulation.ts";

const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

function talk(options: SimulationOptions): Simulation {
  const simulation = new Simulation(options);
  const [alice, bob] = ["10", "20"].map((userId) => simulation.bot({ userId }));
  alice!.join();
  bob!.join();
  simulation.run(5000);
  assertEquals([alice!.session.state, bob!.session.state], ["connected", "connected"]);
  alice!.speak();
  for (let i = 0; i < 50; i++) {
    assert(alice!.send(OPUS));
    simulation.run(20);
  }
  simulation.run(100);
  assertEquals(bob!.frames.every(({ userId, opus }) => userId === "10" && opus.length === 3), true);
  if (options.loss === undefined) assertEquals(bob!.frames.length, 50);
  return simulation;
}

test("Simulation carries every frame over a good link", () => {
  const simulation = talk({});
  assertEquals(simulation.now, 6100);
  assertEquals(simulation.server.stats().dropped, {});
});

const SEALING = ALL_ENCRYPTION_MODES.filter((mode) => mode !== "plain");

for (const mode of SEALING) {
  test(`Simulation carries frames from ${mode} to every mode, both ways`, () => {
    for (const other of SEALING) {
      const simulation = new Simulation({ server: { modes: SEALING } });
      const bots = [
        simulation.bot({ userId: "10", modes: [mode], aead: nobleCiphers }),
        simulation.bot({ userId: "20", modes: [other], aead: nobleCiphers }),
      ];
      for (const bot of bots) bot.join();
      simulation.run(2000);
      assertEquals(bots.map(({ session }) => session.mode), [mode, other]);
      for (const bot of bots) bot.speak();
      for (let size = 1; size <= 1275; size += 98) {
        const opus = new Uint8Array(size).fill(0xf8);
        for (const bot of bots) assert(bot.send(opus));
        simulation.run(20);
      }
      simulation.run(100);
      const sizes = Array.from({ length: 14 }, (_, i) => 1 + 98 * i);
      for (const { frames, session } of bots) {
        assertEquals(frames.map(({ opus }) => opus.length), sizes);
        assert(frames.every(({ opus }) => opus.every((byte) => byte === 0xf8)));
        assertEquals(session.counters.dropped, {});
      }
      assertEquals(simulation.server.stats().dropped, {});
    }
  });
}

test("Simulation: a bot takes an old mode only where it asks for it", () => {
  const simulation = new Simulation({ server: { modes: [...SEALING].reverse() } });
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(2000);
  assertEquals(bot.session.mode, "aead_aes256_gcm_rtpsize");
});

test("Simulation gives the same course for the same seed, another for another", () => {
  const course = (seed: number) => {
    const link = { seed, loss: 0.2, jitter: 30, duplicates: 0.2 };
    return JSON.stringify(talk(link).events);
  };
  assertEquals(course(7), course(7));
  assert(course(7) !== course(8));
});

test("Simulation: a cut WebSocket is resumed, with the session's SSRC", () => {
  const simulation = new Simulation();
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(1000);
  const { ssrc } = bot.session;
  bot.cutWebSocket();
  simulation.run(1000);
  assertEquals([bot.session.state, bot.session.ssrc], ["connected", ssrc]);
  assertEquals(simulation.events.filter(({ type }) => type === "resumed").length, 1);
});

test("Simulation: moved, reallocated, closed and disconnected bots do as Discord's clients", () => {
  const simulation = new Simulation();
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(1000);
  const settles = (state: string) => {
    simulation.run(5000);
    assertEquals(bot.session.state, state);
  };
  simulation.feedGateway({ type: "moveUser", guildId: "1", userId: "10", channelId: "3" });
  settles("connected");
  simulation.feedGateway({ type: "reallocate", guildId: "1" });
  settles("connected");
  simulation.feedServer({ type: "closeClient", userId: "10", code: 4006 });
  settles("connected");
  simulation.feedServer({ type: "closeClient", userId: "10", code: 4015 });
  settles("connected");
  simulation.feedGateway({ type: "disconnectUser", guildId: "1", userId: "10" });
  settles("closed");
  const { websockets, sessions } = simulation.server.stats();
  assertEquals([websockets, sessions], [0, 0]);
});

test("Simulation: an hour of connection needs no rejoin", () => {
  const simulation = new Simulation();
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(3_600_000);
  assertEquals(bot.session.state, "connected");
  assertEquals(simulation.events.filter(({ type }) => type === "close").length, 0);
});

test("Simulation.feedServer() throws what a command throws", () => {
  const simulation = new Simulation();
  assertThrows(() => simulation.feedServer({ type: "closeClient", userId: "1", code: 4000 }));
});

test("Simulation: a connection that a fault cuts is resumed after 1006, with the session's SSRC", () => {
  const simulation = new Simulation({ faults: [{ on: "connected", fault: "cut", times: 1 }] });
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(5000);
  assertEquals([bot.session.state, bot.session.ssrc], ["connected", 1]);
  const lost = bot.events.flatMap((event) => event.type === "disconnected" ? [event.code] : []);
  assertEquals(lost, [1006]);
  assertEquals(simulation.events.filter(({ type }) => type === "resumed").length, 1);
});

test("Simulation.setFaults() reaches both servers, and refuses what is none", () => {
  const simulation = new Simulation();
  const bot = simulation.bot({ userId: "10" });
  simulation.setFaults([
    { on: "VOICE_STATE_UPDATE", fault: { late: 300 }, times: 1 },
    { on: "IpDiscovery", fault: "double", times: 1 },
  ]);
  bot.join();
  simulation.run(300);
  assertEquals(bot.session.state, "signalling");
  simulation.run(2000);
  assertEquals(bot.session.state, "connected");
  const faults = simulation.events.flatMap((event) => event.type === "fault" ? [event.on] : []);
  assertEquals(faults, ["VOICE_STATE_UPDATE", "IpDiscovery"]);
  assertThrows(() => simulation.setFaults([{ on: "Ready", fault: { late: -1 } }]), RangeError);
  assertThrows(() => new Simulation({ faults: [{ on: "Ready", fault: "renew" }] }), RangeError);
});

test("Simulation announces the endpoint that it is given, and leads to its server", () => {
  const simulation = new Simulation({ endpoint: "voice.example:2087" });
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(2000);
  assertEquals(bot.session.state, "connected");
});

test("Simulation: a bot whose shard is closed leaves, and one that is refused hears of it", () => {
  const simulation = new Simulation();
  const bot = simulation.bot({ userId: "10" });
  bot.join();
  simulation.run(2000);
  simulation.feedGateway({ type: "closeShard", userId: "10" });
  simulation.run(2000);
  assertEquals(bot.session.state, "closed");
  assertEquals(simulation.server.stats().sessions, 0);

  simulation.bot({ userId: "30" }).join();
  simulation.feedGateway({ type: "closeShard", userId: "30" }); // op 4 is on its way
  simulation.run(2000);
  assertEquals(simulation.server.stats().sessions, 0);

  const other = simulation.bot({ userId: "20" });
  const duration = 1000;
  const interrupt = { type: "interrupt", userId: "20", duration, resumed: true } as const;
  const heard: string[] = [];
  const feed = other.feed.bind(other);
  other.feed = (input) => (heard.push(input.type), feed(input));
  simulation.feedGateway({ ...interrupt, refuses: true });
  other.join();
  simulation.run(0);
  assertEquals(heard, ["join", "gatewayRefused"]);
});

test("Simulation carries reports of quality both ways: loss, jitter and the round trip are true", () => {
  const loss = 0.1;
  const simulation = new Simulation({ seed: 4, loss, jitter: 10, delay: 30 });
  const [alice, bob] = ["10", "20"].map((userId) => simulation.bot({ userId }));
  for (const bot of [alice, bob]) bot.join();
  simulation.run(5000);
  alice.speak();
  const sound = Uint8Array.of(0x78, 1, 2);
  for (let i = 0; i < 3000; i++) {
    assert(alice.send(sound));
    simulation.run(20);
  }
  simulation.run(100);
  const { remote, counters: { sent } } = alice.session;
  assert(remote !== undefined && remote.roundTrip !== undefined);
  // Twice 30 ms, and up to 10 ms more each way.
  assert(remote.roundTrip >= 59 && remote.roundTrip <= 81, `${remote.roundTrip}`);
  assert(Math.abs(remote.lost / sent - loss) < 0.04, `${remote.lost} of ${sent}`);
  assert(remote.jitter > 1 && remote.jitter < 6, `${remote.jitter}`);
  const [user] = bob.session.counters.users;
  assertEquals([user.userId, user.ssrcs], ["10", [alice.session.ssrc]]);
  assertEquals(user.received, bob.frames.length);
  // It was lost on the way to the server, or from there on.
  assert(Math.abs(user.lost / sent - (1 - (1 - loss) ** 2)) < 0.04, `${user.lost} of ${sent}`);
  assert(user.jitter > 1 && user.jitter < 8, `${user.jitter}`);
  const reports = simulation.events.filter(({ type }) => type === "reception-report");
  assert(reports.length > 5 && reports.every((event) => "source" in event));
  const told = alice.events.filter(({ type }) => type === "receptionReport").length;
  assert(told > 5, `${told}`);
  assertEquals(bob.session.counters.dropped, {});
});
