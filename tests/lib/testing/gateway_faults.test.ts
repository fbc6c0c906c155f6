import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";

import { LocalProtocolError } from "../../../lib/errors.ts";
import type { FaultRule } from "../../../lib/testing/faults.ts";
import type { GatewayInput, GatewayOutput } from "../../../lib/testing/gateway_io.ts";
import { GatewayStub } from "../../../lib/testing/gateway_stub.ts";
import type { ServerEvent } from "../../../lib/testing/server_events.ts";

const ENDPOINT = "ws://127.0.0.1:1";
const STATE = "VOICE_STATE_UPDATE";
const SERVER = "VOICE_SERVER_UPDATE";

/** A stub with attached users, and what each of them gets. */
class Rig {
  readonly stub: GatewayStub;
  readonly events: ServerEvent[] = [];
  readonly inputs: string[] = [];
  readonly destroyed: string[] = [];
  readonly closed: [id: number, code: number][] = [];
  // deno-lint-ignore no-explicit-any
  readonly got: { userId: string; name: string; data: any }[] = [];
  now = 0;
  #random = 0;

  constructor(...faults: FaultRule[]) {
    const random = (into: Uint8Array) => {
      for (let i = 0; i < into.length; i++) into[i] = this.#random++;
    };
    this.stub = new GatewayStub({ random, endpoint: ENDPOINT, url: "ws://127.0.0.1:2", faults });
    for (const userId of ["10", "20"]) this.feed({ type: "attach", userId });
  }

  feed(input: GatewayInput): void {
    this.stub.handleInput(input, this.now);
    for (let output; (output = this.stub.pollOutput()) !== undefined;) this.#take(output);
  }

  /** Lets time pass, waking the stub when it asks for it. */
  run(duration: number): void {
    const end = this.now + duration;
    for (let at; (at = this.stub.pollTimeout() ?? Infinity) <= end;) {
      this.now = Math.max(this.now, at);
      this.feed({ type: "timeout" });
    }
    this.now = end;
  }

  /** Op 4. */
  join(channelId: string | null = "5", userId = "10"): void {
    const data = { guild_id: "1", channel_id: channelId, self_mute: false, self_deaf: false };
    this.feed({ type: "voiceState", userId, data });
  }

  /** Names of a user's dispatches about himself, and forgets all. */
  take(userId = "10"): string[] {
    return this.got.splice(0).filter((got) =>
      got.userId === userId && (got.name === SERVER || got.data.user_id === userId)
    ).map(({ name }) => name);
  }

  get faults(): string[] {
    return this.events.flatMap((event) =>
      event.type === "fault" ? [`${event.on} ${event.fault}`] : []
    );
  }

  #take(output: GatewayOutput): void {
    switch (output.type) {
      case "dispatch":
        return void this.got.push({ userId: output.userId, ...output.dispatch });
      case "event":
        return void this.events.push(output.event);
      case "voice":
        return void this.inputs.push(output.input.type);
      case "destroy":
        return void this.destroyed.push(output.userId);
      case "closeWebSocket":
        return void this.closed.push([output.id, output.code]);
    }
  }
}

for (const [on, other] of [[STATE, SERVER], [SERVER, STATE]] as const) {
  test(`a fault on ${on} loses, doubles, malforms, alters and delays it`, () => {
    const rig = (fault: FaultRule["fault"]) => {
      const rig = new Rig({ on, fault, userId: "10" });
      rig.join();
      assertEquals(rig.faults.length, 1);
      return rig;
    };
    assertEquals(rig("lose").take(), [other]);
    assertEquals(rig("double").take().filter((name) => name === on).length, 2);
    const data = (rig: Rig) => rig.got.find(({ name }) => name === on)!.data;
    const malformed = data(rig("malform"));
    const field = on === STATE ? "session_id" : "token";
    assertEquals([malformed.guild_id, malformed[field]], ["1", 0]);
    assertEquals(data(rig({ with: { [field]: "x" } }))[field], "x");
    for (const late of [0, 300]) {
      const delayed = rig({ late });
      assertEquals([delayed.take(), delayed.stub.pollTimeout()], [[other], late]);
      delayed.run(late);
      assertEquals(delayed.take(), [on]);
      assertEquals(delayed.stub.pollTimeout(), undefined);
    }
  });
}

test("a fault on voice states acts once for an update, whoever hears of it", () => {
  const rig = new Rig({ on: STATE, fault: "lose", times: 1 });
  rig.join();
  rig.join("6");
  assertEquals(rig.got.filter(({ name }) => name === STATE).map(({ userId }) => userId), [
    "10",
    "20",
  ]);
});

test("`userId` is whose voice state and op 4 it is", () => {
  const rig = new Rig({ on: [STATE, SERVER, "op4"], fault: "lose", userId: "20" });
  rig.join();
  assertEquals(rig.take(), [STATE, SERVER]);
  rig.join("5", "20");
  assertEquals([rig.got, rig.faults], [[], ["op4 lose"]]);
});

test("a fault on op 4 loses it, doubles it or lets it come late", () => {
  const lost = new Rig({ on: "op4", fault: "lose", times: 2 });
  lost.join();
  lost.join();
  assertEquals([lost.got.length, lost.inputs], [0, []]);
  lost.join();
  assertEquals(lost.take(), [STATE, SERVER]);
  const doubled = new Rig({ on: "op4", fault: "double" });
  doubled.join();
  assertEquals(doubled.take(), [STATE, SERVER, STATE]);
  const late = new Rig({ on: "op4", fault: { late: 50 } });
  late.join();
  late.run(49);
  assertEquals(late.take(), []);
  late.run(1);
  assertEquals(late.take(), [STATE, SERVER]);
  late.join("6");
  late.feed({ type: "detach", userId: "10" });
  late.run(50);
  assertEquals([late.take(), late.inputs], [[], ["grant", "revoke"]]);
});

test("a late server update of a session that has ended comes to nobody", () => {
  const rig = new Rig({ on: SERVER, fault: { late: 50 } });
  rig.join();
  rig.take();
  rig.feed({ type: "detach", userId: "10" });
  rig.run(50);
  assertEquals(rig.take(), []);
});

test("a faulty op 4 of a WebSocket is lost too", () => {
  const rig = new Rig({ on: "op4", fault: "lose", times: 1, userId: "123" });
  rig.feed({ type: "websocketOpen", id: 1 });
  const send = (op: number, d: unknown) =>
    rig.feed({ type: "websocketMessage", id: 1, data: JSON.stringify({ op, d }) });
  send(2, { token: "MTIz.x.y" });
  send(4, { guild_id: "1", channel_id: "5" });
  assertEquals(rig.got.length, 0);
  send(4, { guild_id: "1", channel_id: "5" });
  assertEquals(rig.got.map(({ userId }) => userId), ["10", "20"]);
});

test("nullFirst sends endpoint null, and the endpoint after a while", () => {
  const rig = new Rig({ on: SERVER, fault: { nullFirst: 700 }, times: 1 });
  rig.join();
  const servers = () => rig.got.flatMap(({ name, data }) => name === SERVER ? [data.endpoint] : []);
  assertEquals([servers(), rig.faults], [[null], [`${SERVER} nullFirst`]]);
  rig.run(699);
  assertEquals(servers(), [null]);
  rig.run(1);
  assertEquals(servers(), [null, ENDPOINT]);
  assertEquals(rig.inputs, ["grant"]);
});

test("no fault concerns the null of reallocate: what is late or lost is the new server", () => {
  for (const [fault, after] of [["lose", []], [{ late: 400 }, [ENDPOINT]]] as const) {
    const rig = new Rig();
    rig.join();
    rig.got.length = 0;
    rig.feed({ type: "setFaults", faults: [{ on: SERVER, fault }] });
    rig.feed({ type: "reallocate", guildId: "1" });
    assertEquals(rig.got.map(({ data }) => data.endpoint), [null]);
    rig.run(400);
    assertEquals(rig.got.slice(1).map(({ data }) => data.endpoint), [...after]);
  }
});

test("a full channel answers op 4 with nothing; who is inside stays", () => {
  const rig = new Rig();
  const limit = (limit?: number) =>
    rig.feed({ type: "setUserLimit", guildId: "1", channelId: "5", limit });
  rig.join("5", "20");
  rig.feed({ type: "setUserLimit", guildId: "2", channelId: "5", limit: 1 });
  const data = { guild_id: "2", channel_id: "5", self_mute: false, self_deaf: false };
  rig.feed({ type: "voiceState", userId: "10", data }); // another guild's channel
  assertEquals(rig.inputs.splice(1), ["grant"]);
  limit(1);
  rig.got.length = 0;
  rig.join("5", "10");
  assertEquals([rig.got, rig.inputs], [[], ["grant"]]);
  assertEquals(rig.events.at(-1)?.type, "channel-full");
  rig.join("5", "20");
  assertEquals(rig.take("20"), [STATE]);
  rig.join("6", "10");
  rig.take();
  rig.join("5", "10"); // stays in 6
  assertEquals(rig.take(), []);
  rig.feed({ type: "moveUser", guildId: "1", userId: "10", channelId: "5" });
  assertEquals(rig.take(), [STATE, SERVER]);
  limit(0);
  rig.join("5", "20");
  assertEquals(rig.take("20"), [STATE]);
  rig.join(null, "20");
  rig.take();
  rig.join("5", "20");
  assertEquals(rig.take("20"), []);
  limit(2);
  rig.join("5", "20");
  assertEquals(rig.take("20"), [STATE, SERVER]);
  rig.join(null, "20");
  limit(0);
  limit(undefined);
  rig.take();
  rig.join("5", "20");
  assertEquals(rig.take("20"), [STATE, SERVER]);
  assertThrows(() => limit(-1), RangeError, "Cannot use limit -1");
});

// The shard

test("an outage loses op 4 and keeps what comes until the session is resumed", () => {
  for (const refuses of [undefined, true]) {
    const rig = new Rig();
    rig.join();
    rig.take();
    rig.feed({ type: "interrupt", userId: "10", duration: 900, resumed: true, refuses });
    assertEquals([rig.stub.refuses("10"), rig.stub.refuses("20")], [refuses ?? false, false]);
    rig.join("6");
    rig.feed({ type: "moveUser", guildId: "1", userId: "10", channelId: "7" });
    rig.run(899);
    assertEquals(rig.take(), []);
    rig.run(1);
    assertEquals(rig.got.map(({ name, data }) => data.channel_id ?? name), ["7", SERVER]);
    assertEquals([rig.take(), rig.stub.refuses("10")], [[STATE, SERVER], false]);
    assertEquals(rig.events.at(-1)?.type, "gateway-resumed");
    rig.join("8");
    assertEquals(rig.take(), [STATE, SERVER]);
  }
});

test("an outage with a new session loses what came, and ends the voice states of the old one", () => {
  const rig = new Rig();
  rig.join();
  const before = rig.got[0]!.data.session_id;
  rig.feed({ type: "interrupt", userId: "10", duration: 100, resumed: false });
  rig.feed({ type: "moveUser", guildId: "1", userId: "10", channelId: "7" });
  rig.take();
  rig.inputs.length = 0;
  rig.run(100);
  assertEquals([rig.inputs, rig.events.at(-1)?.type], [["revoke"], "gateway-ready"]);
  assertEquals(rig.got.map(({ userId, data }) => [userId, data.channel_id]), [["20", null]]);
  rig.take();
  rig.join();
  assert(rig.got[0]!.data.session_id !== before);
  assertEquals(rig.take(), [STATE, SERVER]);
});

test("an outage keeps the last 256 dispatches", () => {
  const rig = new Rig();
  rig.join();
  rig.feed({ type: "interrupt", userId: "10", duration: 1, resumed: true });
  rig.take();
  for (let i = 0; i < 200; i++) {
    rig.feed({ type: "moveUser", guildId: "1", userId: "10", channelId: `${100 + i}` });
  }
  rig.take();
  rig.run(1);
  assertEquals([rig.got.length, rig.got[0]!.data.channel_id], [256, "172"]);
});

test("an outage is refused for nobody, twice, and without a duration", () => {
  const rig = new Rig();
  const interrupt = { type: "interrupt", userId: "10", duration: 100, resumed: true } as const;
  assertThrows(() => rig.feed({ ...interrupt, userId: "99" }), LocalProtocolError, "there is none");
  assertThrows(() => rig.feed({ ...interrupt, duration: -1 }), RangeError, "duration -1");
  rig.feed(interrupt);
  assertThrows(() => rig.feed(interrupt), LocalProtocolError, "cut off already");
  rig.feed({ type: "detach", userId: "10" });
  rig.run(100);
  assertEquals(rig.stub.pollTimeout(), undefined);
});

test("an outage closes WebSockets with 4000; the session is resumable or not", () => {
  for (const resumed of [true, false]) {
    const rig = new Rig();
    rig.feed({ type: "websocketOpen", id: 1 });
    rig.feed({ type: "websocketMessage", id: 1, data: '{"op":2,"d":{"token":"MTIz.x.y"}}' });
    rig.feed({ type: "interrupt", userId: "123", duration: 1, resumed });
    assertEquals(rig.closed, [[1, 4000]]);
    assertEquals(rig.stub.pollTimeout(), resumed ? 60_000 : undefined);
  }
});

test("closeShard destroys attached users and closes WebSockets, and ends their voice states", () => {
  const rig = new Rig();
  rig.join();
  rig.inputs.length = 0;
  rig.feed({ type: "closeShard", userId: "10" });
  assertEquals([rig.destroyed, rig.inputs], [["10"], ["revoke"]]);
  assertEquals(rig.stub.refuses("10"), true);
  assertThrows(() => rig.join(), LocalProtocolError, "not attached");
  rig.feed({ type: "attach", userId: "10" });
  rig.take();
  rig.join();
  assertEquals(rig.take(), [STATE, SERVER]);
  rig.feed({ type: "websocketOpen", id: 1 });
  rig.feed({ type: "websocketMessage", id: 1, data: '{"op":2,"d":{"token":"MTIz.x.y"}}' });
  assertThrows(() => rig.feed({ type: "closeShard", userId: "123", code: 1 }), RangeError);
  rig.feed({ type: "closeShard", userId: "123", code: 4014 });
  assertEquals(rig.closed, [[1, 4014]]);
  assertThrows(() => rig.feed({ type: "closeShard", userId: "123" }), LocalProtocolError);
});
