import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { RemoteProtocolError } from "../../lib/errors.ts";
import { FAILURES } from "../../lib/failure.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";
import { GATEWAY_LIMIT, Signalling } from "../../lib/signalling.ts";

const ENDPOINT = "a.discord.media:2048";
const TOKEN = "66d29164ee8cd919";
const SERVER = { endpoint: ENDPOINT, token: TOKEN, sessionId: "s" };

function joined(): Signalling {
  const signalling = new Signalling("1", "2", 8);
  signalling.join({ type: "join", channelId: "3" });
  return signalling;
}

test("Signalling has a server when both updates have come, in either order", () => {
  for (const order of ["state server", "server state"]) {
    const signalling = joined();
    for (const update of order.split(" ")) {
      assertEquals(signalling.server, undefined);
      if (update === "state") signalling.takeState("3", "s");
      else assertEquals(signalling.takeServer(ENDPOINT, TOKEN), true);
    }
    assertEquals(signalling.server?.url, `wss://${ENDPOINT}/?v=8`);
    assertEquals(signalling.server?.token.reveal(), TOKEN);
    assertEquals(signalling.sessionId, "s");
  }
});

test("Signalling.server has the URL of its version and the host for UDP", () => {
  const hosts = [
    [ENDPOINT, `wss://${ENDPOINT}/`, "a.discord.media"],
    ["ws://[::1]:9", "ws://[::1]:9/", "::1"],
    ["127.0.0.1:80", "wss://127.0.0.1:443/", "127.0.0.1"],
  ];
  for (const version of GATEWAY_VERSIONS) {
    for (const [endpoint, url, host] of hosts) {
      const signalling = new Signalling("1", "2", version);
      signalling.join({ type: "join", channelId: "3", server: { ...SERVER, endpoint } });
      assertEquals(signalling.server?.url, `${url}?v=${version}`);
      assertEquals(signalling.server?.host, host);
      signalling.join({ type: "join", channelId: "3" });
      signalling.takeState("3", "s");
      signalling.takeServer(endpoint, TOKEN);
      assertEquals([signalling.server?.url, signalling.server?.host], [
        `${url}?v=${version}`,
        host,
      ]);
    }
  }
});

test("Signalling.takeServer() tells another server from the same one", () => {
  const signalling = joined();
  assertEquals(signalling.takeServer(ENDPOINT, TOKEN), true);
  assertEquals(signalling.takeServer(ENDPOINT, TOKEN), false);
  assertEquals(signalling.takeServer(ENDPOINT, "other"), true);
  assertEquals(signalling.takeServer("b.discord.media", "other"), true);
  signalling.forgetServer();
  assertEquals(signalling.takeServer("b.discord.media", "other"), true);
});

test("Signalling.takeServer() with a malformed endpoint changes nothing", () => {
  const signalling = joined();
  signalling.takeState("3", "s");
  signalling.takeServer(ENDPOINT, TOKEN);
  assertThrows(() => signalling.takeServer("http://x", "other"), RemoteProtocolError);
  assertEquals(signalling.server?.url, `wss://${ENDPOINT}/?v=8`);
  assertEquals(signalling.server?.token.reveal(), TOKEN);
});

test("Signalling.join() with a malformed endpoint changes nothing", () => {
  const signalling = joined();
  const server = { ...SERVER, endpoint: "two words" };
  assertThrows(() => signalling.join({ type: "join", channelId: "4", server }), RangeError);
  assertEquals(signalling.active, true);
  assertEquals(signalling.enter(0).d.channel_id, "3");
});

test("Signalling forgets: a join both, forget() both, forgetServer() one", () => {
  const full = () => {
    const signalling = joined();
    signalling.takeState("3", "s");
    signalling.takeServer(ENDPOINT, TOKEN);
    return signalling;
  };
  const rejoined = full();
  rejoined.join({ type: "join", channelId: "4" });
  assertEquals([rejoined.server, rejoined.sessionId], [undefined, undefined]);
  const forgotten = full();
  forgotten.forget();
  assertEquals([forgotten.server, forgotten.sessionId], [undefined, undefined]);
  const waiting = full();
  waiting.forgetServer();
  assertEquals([waiting.server, waiting.sessionId], [undefined, "s"]);
});

test("Signalling is active only where the session itself does the signalling", () => {
  const signalling = new Signalling("1", "2", 8);
  assertEquals(signalling.active, false);
  signalling.join({ type: "join", channelId: "3", server: SERVER });
  assertEquals(signalling.active, false);
  assertEquals(signalling.server?.token.reveal(), TOKEN);
  signalling.join({ type: "join", channelId: "3" });
  assertEquals([signalling.active, signalling.server], [true, undefined]);
});

test("Signalling knows the own voice state and the own guild's server", () => {
  const signalling = joined();
  const state = { channel_id: "3", session_id: "s" };
  assertEquals(signalling.isOwn({ ...state, guild_id: "1", user_id: "2" }), true);
  assertEquals(signalling.isOwn({ ...state, guild_id: "1", user_id: "9" }), false);
  assertEquals(signalling.isOwn({ ...state, guild_id: "9", user_id: "2" }), false);
  assertEquals(signalling.isOwn({ ...state, user_id: "2" }), false);
  const server = { token: TOKEN, endpoint: ENDPOINT };
  assertEquals(signalling.isOurs({ ...server, guild_id: "1" }), true);
  assertEquals(signalling.isOurs({ ...server, guild_id: "9" }), false);
  assertEquals(signalling.isOurs({ ...server, guild_id: null }), false);
});

test("Signalling.enter() and exit() build op 4", () => {
  const signalling = new Signalling("1", "2", 8);
  signalling.join({ type: "join", channelId: "3", selfDeaf: true });
  const d = { guild_id: "1", channel_id: "3", self_mute: false, self_deaf: true };
  assertEquals(signalling.enter(0), { op: 4, d });
  assertEquals(signalling.exit(0), { op: 4, d: { ...d, channel_id: null } });
  signalling.join({ type: "join", channelId: "3", selfMute: true });
  assertEquals(signalling.enter(0).d, { ...d, self_mute: true, self_deaf: false });
});

test("Signalling.takeState() moves the channel that is asked for next", () => {
  const signalling = joined();
  signalling.takeState("5", "s");
  assertEquals(signalling.enter(0).d.channel_id, "5");
  assertEquals(signalling.enter(0).d.self_mute, false);
});

test("Signalling.delay() keeps five op 4 in a minute", () => {
  const signalling = joined();
  for (let i = 0; i < GATEWAY_LIMIT; i++) {
    assertEquals(signalling.delay(1, 100), 0);
    if (i % 2 === 0) signalling.enter(100);
    else signalling.exit(100);
  }
  assertEquals([signalling.delay(1, 100), signalling.delay(1, 60_099)], [60_000, 1]);
  assertEquals(signalling.delay(2, 60_100), 0);
});

test("Signalling shows no token to inspection and JSON", () => {
  const signalling = joined();
  signalling.join({ type: "join", channelId: "3", server: SERVER });
  const shown = inspect([signalling, signalling.server], { depth: Infinity, showHidden: true }) +
    JSON.stringify([signalling, signalling.server]);
  assertEquals(shown.includes(TOKEN), false, shown);
});

test("Signalling.server has the endpoint as it was named", () => {
  for (const endpoint of [ENDPOINT, "ws://[::1]:9", "127.0.0.1:80", "A.discord.media"]) {
    const signalling = joined();
    signalling.takeState("3", "s");
    signalling.takeServer(endpoint, TOKEN);
    assertEquals(signalling.server?.endpoint, endpoint);
    signalling.join({ type: "join", channelId: "3", server: { ...SERVER, endpoint } });
    assertEquals(signalling.server?.endpoint, endpoint);
  }
});

test("Signalling.failure says what is missing, and that op 4 was refused, until it is sent", () => {
  const signalling = joined();
  const failures = [signalling.failure];
  signalling.takeServer(ENDPOINT, TOKEN);
  failures.push(signalling.failure);
  signalling.forgetServer();
  signalling.takeState("3", "s");
  failures.push(signalling.failure);
  signalling.refuse();
  failures.push(signalling.failure);
  signalling.enter(0);
  failures.push(signalling.failure);
  signalling.refuse();
  signalling.exit(0);
  failures.push(signalling.failure);
  assertEquals(failures, [
    FAILURES.noUpdates,
    FAILURES.noVoiceState,
    FAILURES.noVoiceServer,
    FAILURES.gatewayRefused,
    FAILURES.noVoiceServer,
    FAILURES.noVoiceServer,
  ]);
});

test("Signalling.repeated says that the server was named once more since the connection began", () => {
  const signalling = joined();
  signalling.takeState("3", "s");
  const seen = [signalling.repeated];
  const after = (step: () => void) => {
    step();
    seen.push(signalling.repeated);
  };
  after(() => signalling.takeServer(ENDPOINT, TOKEN));
  after(() => signalling.connecting());
  after(() => signalling.takeServer(ENDPOINT, TOKEN));
  after(() => signalling.connecting());
  after(() => signalling.takeServer(ENDPOINT, TOKEN));
  after(() => signalling.takeServer(ENDPOINT, "other"));
  assertEquals(seen, [false, false, false, true, false, true, false]);
});

test("Signalling.repeated ends where the server is forgotten or withdrawn, or with a join", () => {
  const forgetters: ((signalling: Signalling) => void)[] = [
    (signalling) => signalling.forgetServer(),
    (signalling) => signalling.forget(),
    (signalling) => void signalling.withdraw(),
    (signalling) => signalling.join({ type: "join", channelId: "4" }),
    (signalling) => signalling.join({ type: "join", channelId: "4", server: SERVER }),
  ];
  for (const forget of forgetters) {
    const signalling = joined();
    signalling.takeServer(ENDPOINT, TOKEN);
    signalling.takeServer(ENDPOINT, TOKEN);
    assertEquals(signalling.repeated, true);
    forget(signalling);
    assertEquals(signalling.repeated, false, `${forget}`);
  }
});

test("Signalling.withdraw() takes the server away, and is news until a server is named", () => {
  const signalling = joined();
  signalling.takeState("3", "s");
  signalling.takeServer(ENDPOINT, TOKEN);
  assertEquals([signalling.withdraw(), signalling.server], [true, undefined]);
  assertEquals([signalling.withdraw(), signalling.withdraw()], [false, false]);
  assertEquals(signalling.sessionId, "s");
  assertThrows(() => signalling.takeServer("http://x", "other"), RemoteProtocolError);
  signalling.takeState("5", "s2");
  assertEquals(signalling.withdraw(), false);
  assertEquals(signalling.takeServer(ENDPOINT, TOKEN), true);
  assertEquals([signalling.withdraw(), signalling.withdraw()], [true, false]);
  signalling.forget();
  assertEquals([signalling.withdraw(), signalling.withdraw()], [true, false]);
  signalling.join({ type: "join", channelId: "4" });
  assertEquals([signalling.withdraw(), signalling.withdraw()], [true, false]);
});

test("Signalling.takeExit() answers each exit once, until they are forgotten", () => {
  const signalling = joined();
  assertEquals(signalling.takeExit(), false);
  signalling.enter(0);
  assertEquals(signalling.takeExit(), false);
  for (let i = 0; i < 3; i++) signalling.exit(0);
  const taken = [1, 2, 3, 4, 5].map(() => signalling.takeExit());
  assertEquals(taken, [true, true, true, false, false]);
  signalling.exit(0);
  assertEquals([signalling.takeExit(), signalling.takeExit()], [true, false]);
  const forgetters = [
    () => signalling.forgetExits(),
    () => signalling.join({ type: "join", channelId: "4" }),
  ];
  for (const forget of forgetters) {
    for (let i = 0; i < 3; i++) signalling.exit(0);
    forget();
    assertEquals(signalling.takeExit(), false);
  }
  // A rejoin answers none of them.
  signalling.exit(0);
  signalling.forget();
  assertEquals(signalling.takeExit(), true);
});
