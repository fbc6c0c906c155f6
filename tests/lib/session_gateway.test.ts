// What a session wants of the main gateway: op 4 that gets lost, is refused, or brings half of an
// answer, never more than five a minute; and how long it waits for what.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";
import type { Input, Output } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { PHASE_TIMEOUTS, type PhaseTimeouts } from "../../lib/session.ts";
import { type State, STATES } from "../../lib/state.ts";
import {
  ackOf,
  actionsOf,
  ADDRESS,
  answerHeartbeats,
  CHANNEL,
  channelsOf,
  DIRECT,
  Driver,
  driveTo,
  eventsOf,
  JOIN,
  READY,
  shakeHands,
  SSRC,
  type Step,
  STEPS,
  TOKEN,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";

const REFUSED: Input = { type: "gatewayRefused" };

/** When op 4 went out, in milliseconds after the start, and for which channel. */
function requestsOf({ log }: Driver): [at: number, channel: string | null][] {
  return log.flatMap(({ at, output }) => {
    return channelsOf([output]).map((channel): [number, string | null] => [at - 1000, channel]);
  });
}

function errorOf(driver: Driver): VoiceConnectError {
  const last = driver.events.at(-1);
  assert(last?.type === "closed");
  assertInstanceOf(last.error, VoiceConnectError);
  assertEquals(driver.session.pollTimeout(), undefined);
  return last.error;
}

/** The gateway library does not take op 4, as long as it is told to. */
function refuse(driver: Driver, refuses: () => boolean): void {
  driver.perform = (output) => {
    if (output.type === "sendGateway" && refuses()) driver.feed(REFUSED);
  };
}

// Op 4 once more

test("VoiceSession sends op 4 again after 5 and 10 seconds without an answer", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(60_000);
  assertEquals(requestsOf(driver), [
    [0, CHANNEL],
    [5_000, CHANNEL],
    [10_000, CHANNEL],
    [15_000, null],
  ]);
  assertEquals(errorOf(driver).code, "timeout");
});

test("VoiceSession leaves and enters again where a voice state came without a server", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(1000);
  driver.feed(voiceState());
  driver.wait(60_000);
  // To leave makes a server void that is merely late: not at once.
  assertEquals(requestsOf(driver), [
    [0, CHANNEL],
    [10_000, null],
    [10_000, CHANNEL],
    [15_000, null],
  ]);
  assert(errorOf(driver).message.includes("but no voice server"));
});

test("VoiceSession takes a voice server that is late, and has not left meanwhile", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.wait(9_999);
  driver.feed(voiceServer());
  assertEquals(driver.session.state, "connecting");
  assertEquals(requestsOf(driver), [[0, CHANNEL]]);
});

test("VoiceSession enters again, and then leaves first, where a voice state came in between", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(5_000);
  driver.feed(voiceState());
  driver.wait(60_000);
  assertEquals(requestsOf(driver), [
    [0, CHANNEL],
    [5_000, CHANNEL],
    [10_000, null],
    [10_000, CHANNEL],
    [15_000, null],
  ]);
});

test("VoiceSession begins anew with each join to wait for a late voice server", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(6_000);
  driver.feed({ ...JOIN, channelId: "5" });
  driver.feed(voiceState("5"));
  driver.wait(9_999);
  assertEquals(requestsOf(driver).slice(-1), [[6_000, "5"]]);
  driver.wait(1);
  // Three are spent, and one is kept for leaving.
  assertEquals(requestsOf(driver), [[0, CHANNEL], [5_000, CHANNEL], [6_000, "5"]]);
});

test("VoiceSession enters again where a server came without a voice state", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.feed(voiceServer());
  driver.wait(14_999);
  assertEquals(requestsOf(driver).map(([, channel]) => channel), [CHANNEL, CHANNEL, CHANNEL]);
});

test("VoiceSession connects by the answer to op 4 sent again, and sends no more", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(5_000);
  // The first part of the answer, in which the client leaves, is no kick.
  driver.feed(voiceState(null));
  driver.feed(voiceState());
  driver.feed(voiceServer());
  assertEquals(driver.session.state, "connecting");
  shakeHands(driver);
  answerHeartbeats(driver);
  driver.text(ackOf(8, 1));
  driver.wait(120_000);
  assertEquals(requestsOf(driver).map(([at]) => at), [0, 5_000]);
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession sends op 4 again after each join, counted from the last one", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(4_000);
  driver.feed({ ...JOIN, channelId: "5" });
  driver.wait(8_999);
  assertEquals(requestsOf(driver), [[0, CHANNEL], [4_000, "5"], [9_000, "5"]]);
});

test("VoiceSession sends op 4 again in a rejoin, too, and leaves first", () => {
  const driver = driveTo("connected");
  answerHeartbeats(driver);
  driver.text(ackOf(8, 1));
  driver.wait(60_000);
  driver.close(4006);
  driver.wait(1000);
  const at = requestsOf(driver)[1][0];
  driver.wait(15_000);
  assertEquals(requestsOf(driver).slice(1), [
    [at, null],
    [at, CHANNEL],
    // The op 4 that left may be the one that got lost.
    [at + 5_000, null],
    [at + 5_000, CHANNEL],
    // Four are spent, and one is kept for leaving.
    [at + 15_000, null],
  ]);
});

test("VoiceSession sends op 4 again in a rejoin no more often than the limit allows", () => {
  const driver = driveTo("connected");
  driver.close(4006);
  driver.wait(1000);
  const at = requestsOf(driver)[1][0];
  driver.wait(15_000);
  const channels = requestsOf(driver).slice(1);
  assertEquals(channels, [[at, null], [at, CHANNEL], [at + 15_000, null]]);
});

test("VoiceSession sends no op 4 again of a join that was answered, whatever comes then", () => {
  const random = (into: Uint8Array) => into.fill(0xff);
  const driver = driveTo("connected", new Driver({ random }));
  driver.wait(4_500);
  driver.close(4006);
  // The join was 5 seconds ago before the rejoin is due.
  assertEquals(channelsOf(driver.wait(999)), []);
  assertEquals(channelsOf(driver.wait(1)), [null, CHANNEL]);
});

test("VoiceSession sends no op 4 again where its caller gave the server", () => {
  const driver = new Driver();
  driver.feed(DIRECT);
  shakeHands(driver);
  driver.close(4014);
  driver.wait(60_000);
  assertEquals(requestsOf(driver), []);
});

test("VoiceSession keeps one of five op 4 a minute for leaving, over many joins", () => {
  for (const pause of [3_000, 7_000, 12_500, 14_999, 20_000]) {
    const answers = [[], [voiceState()], [voiceServer()], [voiceState(null), voiceState()]];
    for (const updates of answers) {
      const driver = new Driver();
      let refused = 0;
      for (let i = 0; i < 40 && driver.session.state !== "closed"; i++) {
        try {
          driver.feed({ ...JOIN, channelId: `${i}` });
        } catch (error) {
          assertInstanceOf(error, LocalProtocolError);
          assertEquals(error.message, "Cannot join: 5 op 4 a minute are the limit");
          refused++;
        }
        driver.wait(1000);
        updates.forEach((update) => driver.feed(update));
        driver.wait(pause - 1000);
      }
      assert(refused > 0 || driver.session.state === "closed");
      driver.wait(60_000);
      assertEquals(driver.session.state, "closed");
      const sent = driver.log.filter(({ output }) => output.type === "sendGateway");
      sent.forEach(({ at }, index) => {
        const last = index === sent.length - 1;
        const count = sent.slice(0, index + 1).filter((it) => it.at > at - 60_000).length;
        assert(count <= (last ? 5 : 4), `${count} op 4 in a minute, joins each ${pause} ms`);
      });
      assertEquals(requestsOf(driver).at(-1)?.[1], null);
    }
  }
});

test("VoiceSession whose join is answered in time sends op 4 once", () => {
  const driver = driveTo("connecting");
  driver.wait(9_000);
  assertEquals(requestsOf(driver), [[0, CHANNEL]]);
});

// Op 4 refused

test("VoiceSession ends with gateway-refused at the deadline where op 4 is always refused", () => {
  const driver = new Driver();
  refuse(driver, () => true);
  driver.feed(JOIN);
  driver.wait(14_999);
  assertEquals([driver.session.state, requestsOf(driver).length], ["signalling", 3]);
  driver.wait(1);
  const { code, phase, message, hint } = errorOf(driver);
  assertEquals([code, phase], ["gateway-refused", "signalling"]);
  assert(message.includes("refuses"), message);
  assert(hint.includes("shard"), hint);
});

test("VoiceSession connects where op 4 is refused at first, and taken then", () => {
  for (const refusals of [1, 2]) {
    const driver = new Driver();
    let count = 0;
    driver.perform = (output) => {
      if (output.type !== "sendGateway") return;
      if (++count <= refusals) return void driver.feed(REFUSED);
      driver.feed(voiceState());
      driver.feed(voiceServer());
    };
    driver.feed(JOIN);
    driver.wait(5_000 * refusals);
    assertEquals(driver.session.state, "connecting");
  }
});

test("VoiceSession does not blame the gateway library for a refusal of before", () => {
  const driver = new Driver();
  let count = 0;
  refuse(driver, () => ++count === 1);
  driver.feed(JOIN);
  driver.wait(15_000);
  const { code, message } = errorOf(driver);
  assertEquals([code, message.includes("nothing came")], ["timeout", true]);
});

test("VoiceSession is not disturbed by a refusal while it is connected, before and after", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    const timeout = driver.session.pollTimeout();
    assertEquals(driver.feed(REFUSED), []);
    assertEquals([driver.session.state, driver.session.pollTimeout()], [step, timeout]);
  }
  const closed = driveTo("connected");
  closed.feed({ type: "leave" });
  for (const driver of [new Driver(), closed]) {
    assertEquals([driver.feed(REFUSED), driver.session.pollTimeout()], [[], undefined]);
  }
});

// One voice server after another

/** Moves a session to another server, by a close or by an update without an endpoint. */
function move(driver: Driver, how: "4014" | "4022" | "null", token: string): void {
  if (how === "null") driver.feed(voiceServer("none", null));
  else driver.close(Number(how));
  if (driver.session.state === "closed") return;
  assertEquals(driver.session.state, "waiting");
  driver.feed(voiceServer(token));
  assertEquals(driver.session.state, "connecting");
}

for (const how of ["4014", "4022", "null"] as const) {
  test(`VoiceSession follows one new server after another by ${how}, as long as it gets ready`, () => {
    const driver = driveTo("connected");
    for (let i = 1; i <= 65; i++) {
      move(driver, how, `token ${i}`);
      shakeHands(driver);
    }
  });

  test(`VoiceSession waits for twenty new servers by ${how} that do not get ready, no more`, () => {
    for (const reach of [() => {}, (driver: Driver) => void driver.open()]) {
      const driver = driveTo("connected");
      for (let i = 1; i <= 20; i++) {
        move(driver, how, `token ${i}`);
        reach(driver);
      }
      const { state } = driver.session;
      move(driver, how, "one more");
      const { code, phase, message, hint, closeCode } = errorOf(driver);
      assertEquals([code, phase], ["disconnected", state]);
      assert(message.endsWith("one voice server after another went away"), message);
      assert(hint !== "");
      assertEquals(closeCode, how === "null" ? undefined : Number(how));
      assertEquals(requestsOf(driver).map(([, channel]) => channel), [CHANNEL, null]);
      assertEquals(actionsOf(driver.feed(voiceServer("late"))), []);
    }
  });
}

test("VoiceSession has its waits back with Ready and with Resumed", () => {
  for (const how of ["ready", "resumed"]) {
    const driver = driveTo("connected");
    for (let i = 1; i <= 19; i++) move(driver, "4014", `token ${i}`);
    shakeHands(driver);
    if (how === "resumed") {
      driver.feed({ type: "reconnect" });
      driver.wait(0);
      driver.open();
      driver.message(9, null);
    }
    for (let i = 1; i <= 20; i++) move(driver, "4014", `again ${i}`);
    move(driver, "4014", "one more");
    assertEquals(errorOf(driver).code, "disconnected");
  }
});

test("VoiceSession does not have its waits back before it is ready", () => {
  const driver = driveTo("connected");
  for (let i = 1; i <= 20; i++) {
    move(driver, "4014", `token ${i}`);
    driver.open();
    driver.message(8, { heartbeat_interval: 13_750 });
    driver.message(2, READY);
    driver.feed({ type: "udpOpen", id: driver.udpId });
    driver.datagram(discoveryResponse(SSRC, ADDRESS));
    assertEquals(driver.session.state, "selecting");
  }
  move(driver, "4014", "one more");
  assertEquals(errorOf(driver).phase, "selecting");
});

test("VoiceSession spends a wait on each new server in the middle of a handshake", () => {
  for (const step of ["connecting", "identifying", "discovering", "selecting"] as const) {
    const driver = driveTo(step);
    const next = (token: string) => {
      driver.feed(voiceServer(token));
      if (step === "connecting" || driver.session.state === "closed") return;
      driver.open();
      if (step === "identifying") return;
      driver.message(2, READY);
      driver.feed({ type: "udpOpen", id: driver.udpId });
      if (step === "selecting") driver.datagram(discoveryResponse(SSRC, ADDRESS));
    };
    for (let i = 1; i <= 20; i++) {
      next(`token ${i}`);
      assertEquals(driver.session.state, step, `${i}`);
    }
    next("one more");
    const { code, phase, message } = errorOf(driver);
    assertEquals([code, phase], ["disconnected", step]);
    assert(message.endsWith("one voice server after another went away"), message);
    assertEquals(requestsOf(driver).map(([, channel]) => channel), [CHANNEL, null]);
  }
});

test("VoiceSession spends no wait on a new server while it is connected, or was", () => {
  for (const step of ["connected", "reconnecting", "resuming"] as const) {
    const driver = driveTo(step);
    driver.feed(voiceServer("first"));
    for (let i = 1; i <= 20; i++) driver.feed(voiceServer(`token ${i}`));
    assertEquals(driver.session.state, "connecting", step);
    driver.feed(voiceServer("one more"));
    assertEquals(errorOf(driver).code, "disconnected");
  }
});

test("VoiceSession spends no wait where it waits already", () => {
  const driver = driveTo("connected");
  for (let i = 0; i < 100; i++) driver.feed(voiceServer("none", null));
  assertEquals(driver.session.state, "waiting");
});

test("VoiceSession counts no minute that was interrupted", () => {
  for (const interrupted of [false, true]) {
    const driver = driveTo("connected");
    answerHeartbeats(driver);
    driver.text(ackOf(8, 1));
    // All the rejoins that there are.
    for (let i = 1; i <= 2; i++) {
      const { length } = requestsOf(driver);
      driver.close(4006);
      for (let s = 0; s < 80 && requestsOf(driver).length === length; s++) driver.wait(1000);
      driver.feed(voiceState());
      driver.feed(voiceServer(`token ${i}`));
      shakeHands(driver);
    }
    driver.wait(40_000);
    if (interrupted) {
      driver.feed({ type: "reconnect" });
      driver.wait(0);
      driver.open();
      driver.message(9, null);
    }
    driver.wait(40_000);
    driver.close(4006);
    assertEquals(driver.session.state, interrupted ? "closed" : "signalling");
  }
});

// Timeouts

/** A session that has just come to a state, with these timeouts. */
function inState(state: State, timeouts: PhaseTimeouts): Driver {
  const driver = new Driver({ timeouts });
  if (state === "signalling") driver.feed(JOIN);
  else if (state === "waiting") driveTo("connected", driver).close(4014);
  else driveTo(state as Step, driver);
  assertEquals(driver.session.state, state);
  return driver;
}

/** What a session does about a state that has taken too long. */
function givesUp(outputs: readonly Output[]): boolean {
  return outputs.some(({ type }) => type === "closeWebSocket") ||
    eventsOf(outputs).some(({ type }) => type === "closed");
}

for (const state of STATES) {
  if (state === "idle" || state === "closed" || state === "connected") continue;

  test(`VoiceSession gives ${state} the time of its option, and no other state`, () => {
    const driver = inState(state, { [state]: 1234.5 });
    assertEquals(givesUp(driver.wait(1234)), false);
    assertEquals(givesUp(driver.wait(1)), true);
    for (const other of STATES) {
      if (other === state || other === "connected") continue;
      const undisturbed = inState(state, { [other]: 1 });
      const limit = state === "discovering" ? 5_000 : PHASE_TIMEOUTS[state]!;
      assertEquals(givesUp(undisturbed.wait(limit - 1)), false, other);
    }
  });
}

test("VoiceSession gives a connection no limit, unless it is asked for one", () => {
  const driver = inState("connected", {});
  answerHeartbeats(driver);
  driver.text(ackOf(8, 1));
  driver.wait(3_600_000);
  assertEquals([driver.session.state, driver.websocketId], ["connected", 1]);
  const limited = inState("connected", { connected: 500 });
  assertEquals(givesUp(limited.wait(499)), false);
  assertEquals(givesUp(limited.wait(1)), true);
  assertEquals(limited.session.state, "reconnecting");
});

test("VoiceSession waits as long for a server that is replaced as for one after 4014", () => {
  const driver = driveTo("connected", new Driver({ timeouts: { waiting: 700 } }));
  driver.feed(voiceServer(TOKEN, null));
  driver.wait(699);
  assertEquals(driver.session.state, "waiting");
  driver.wait(1);
  assertEquals(errorOf(driver).phase, "waiting");
});

test("VoiceSession gives a server that is withdrawn while it signals the time to wait, too", () => {
  const driver = new Driver({ timeouts: { waiting: 700 } });
  driver.feed(JOIN);
  driver.feed(voiceServer(TOKEN, null));
  driver.wait(699);
  assertEquals(driver.session.state, "signalling");
  driver.wait(1);
  assertEquals(errorOf(driver).phase, "signalling");
});

test("VoiceSession sends op 4 again at a third and two thirds of the time that it has", () => {
  for (const signalling of [300, 90_000]) {
    const driver = new Driver({ timeouts: { signalling } });
    driver.feed(JOIN);
    driver.wait(signalling * 2);
    const times = requestsOf(driver).map(([at]) => Math.round(at / signalling * 3));
    assertEquals(times, [0, 1, 2, 3], `${signalling}`);
    assertEquals(errorOf(driver).code, "timeout");
  }
});

test("VoiceSession refuses timeouts that are none, and says which", () => {
  for (const state of STATES) {
    for (const value of [0, -1, NaN, Infinity, 2 ** 31, null, "5"]) {
      const timeouts = { [state]: value } as PhaseTimeouts;
      assertThrows(
        () => new Driver({ timeouts }),
        RangeError,
        `Cannot use timeouts.${state} ${value}: `,
      );
    }
    for (const value of [0.5, 2 ** 31 - 1, undefined]) new Driver({ timeouts: { [state]: value } });
  }
});

// A slow main network

for (const version of GATEWAY_VERSIONS) {
  test(`Version ${version}: high latency is told although heartbeats go on`, () => {
    // Below version 4 two beats go unanswered for 20 seconds at most.
    for (const roundTrip of version < 4 ? [16_000] : [16_000, 26_000]) {
      const driver = driveTo("connected", new Driver({ gatewayVersion: version }));
      driver.wait(roundTrip);
      const told = eventsOf(driver.text(ackOf(version, 1)));
      assertEquals(told, [{ type: "heartbeat", roundTrip }, { type: "highLatency", roundTrip }]);
      assertEquals(eventsOf(driver.text(ackOf(version, 1))), []);
      assertEquals([driver.session.state, driver.websocketId], ["connected", 1]);
      const quick = eventsOf(driver.text(ackOf(version, 2)));
      assertEquals(quick.map(({ type }) => type), ["heartbeat"]);
    }
  });
}
