import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { bindGateway, type GatewayLink } from "../../../adapters/gateway/binding.ts";
import {
  Connection,
  GUILD,
  ME,
  NONSENSE,
  op4,
  OTHER_GUILD,
  SECRET,
  SERVER,
  serverPacket,
  SOMEONE,
  STATE,
  statePacket,
} from "./fixtures.ts";

function link(fields: Partial<GatewayLink> = {}): GatewayLink {
  return { userId: () => ME, send: () => true, ...fields };
}

test("a binding forwards the own user's state and the voice server", () => {
  const binding = bindGateway(link());
  const connection = new Connection();
  binding.adapterCreator(GUILD)(connection);
  binding.dispatch(statePacket());
  binding.dispatch(statePacket({ user_id: SOMEONE }));
  binding.dispatch(serverPacket());
  assertEquals(connection.told, [STATE, SERVER]);
});

test("a binding serves many guilds, each with its own updates", () => {
  const sent: unknown[] = [];
  const send = (guildId: string, payload: unknown) => sent.push([guildId, payload]);
  const binding = bindGateway(link({ send }));
  const [one, other] = [new Connection(), new Connection()];
  const adapter = binding.adapterCreator(GUILD)(one);
  const otherAdapter = binding.adapterCreator(BigInt(OTHER_GUILD))(other);
  binding.dispatch(statePacket());
  binding.dispatch(serverPacket({ guild_id: OTHER_GUILD }));
  assertEquals(one.told, [STATE]);
  assertEquals(other.told, [{ ...SERVER, guild_id: OTHER_GUILD }]);
  assertEquals(adapter.sendPayload(op4()), true);
  assertEquals(otherAdapter.sendPayload(op4(OTHER_GUILD)), true);
  assertEquals(sent, [[GUILD, op4()], [OTHER_GUILD, op4(OTHER_GUILD)]]);
});

test("a user id that comes with READY counts, unless the library knows better", () => {
  const library = { userId: undefined as unknown };
  const binding = bindGateway(link({ userId: () => library.userId }));
  const connection = new Connection();
  binding.adapterCreator(GUILD)(connection);
  binding.dispatch(statePacket());
  assertEquals(connection.told, []);
  binding.dispatch({ t: "READY", d: { user: { id: ME } } });
  binding.dispatch(statePacket());
  assertEquals(connection.told, [STATE]);
  library.userId = BigInt(SOMEONE);
  binding.dispatch(statePacket());
  binding.dispatch(statePacket({ user_id: SOMEONE }));
  assertEquals(connection.told, [STATE, { ...STATE, user_id: SOMEONE }]);
});

test("a destroyed adapter neither hears nor sends, and leaves its successor alone", () => {
  const binding = bindGateway(link());
  const creator = binding.adapterCreator(GUILD);
  const [old, young] = [new Connection(), new Connection()];
  const oldAdapter = creator(old);
  const youngAdapter = creator(young);
  oldAdapter.destroy();
  oldAdapter.destroy();
  binding.dispatch(serverPacket());
  assertEquals([old.told, young.told], [[], [SERVER]]);
  assertEquals([oldAdapter.sendPayload(op4()), youngAdapter.sendPayload(op4())], [false, true]);
});

test("a connection that is told may destroy and replace others; only who was there and still is hears", () => {
  const binding = bindGateway(link());
  const creator = binding.adapterCreator(GUILD);
  const [second, third, late] = [new Connection(), new Connection(), new Connection()];
  const first = creator({
    destroy: () => {},
    onVoiceServerUpdate: () => {},
    onVoiceStateUpdate() {
      first.destroy();
      secondAdapter.destroy();
      creator(late);
    },
  });
  const secondAdapter = creator(second);
  creator(third);
  binding.dispatch(statePacket());
  assertEquals([second.told, third.told, late.told], [[], [STATE], []]);
  binding.dispatch(serverPacket());
  assertEquals([second.told, third.told, late.told], [[], [STATE, SERVER], [SERVER]]);
});

test("a binding listens from the first adapter to the last, once", () => {
  const changes: string[] = [];
  let heard: ((packet: unknown) => void) | undefined;
  const binding = bindGateway(link({
    listen(dispatch) {
      changes.push("listen");
      heard = dispatch;
      return () => changes.push("unlisten");
    },
  }));
  const creator = binding.adapterCreator(GUILD);
  assertEquals(changes, []);
  const connection = new Connection();
  const adapters = [creator(connection), creator(new Connection())];
  heard?.(serverPacket());
  assertEquals(connection.told, [SERVER]);
  adapters[0].destroy();
  assertEquals(changes, ["listen"]);
  adapters[1].destroy();
  adapters[1].destroy();
  assertEquals(changes, ["listen", "unlisten"]);
  creator(new Connection()).destroy();
  assertEquals(changes, ["listen", "unlisten", "listen", "unlisten"]);
});

test("destroy() tells every connection, which can still send op 4, and ends the listening", () => {
  const changes: unknown[] = [];
  const send = () => changes.push("send");
  const listen = () => () => changes.push("unlisten");
  const binding = bindGateway(link({ send, listen }));
  const told = new Connection();
  const leaving = binding.adapterCreator(GUILD)({
    onVoiceServerUpdate: () => {},
    onVoiceStateUpdate: () => {},
    destroy() {
      leaving.sendPayload(op4());
      leaving.destroy();
    },
  });
  const adapter = binding.adapterCreator(OTHER_GUILD)(told);
  binding[Symbol.dispose]();
  assertEquals(told.told, ["destroy"]);
  binding.destroy();
  assertEquals(told.told, ["destroy"]);
  assertEquals(adapter.sendPayload(op4()), false);
  assertEquals(changes, ["send", "unlisten"]);
});

test("sendPayload() is false where the library throws or says so, and no rejection is left over", async () => {
  const outcomes: [() => unknown, boolean][] = [
    [() => undefined, true],
    [() => true, true],
    [() => Promise.resolve(), true],
    [() => Promise.reject(new Error("The shard has gone")), true],
    [() => false, false],
    [() => {
      throw new Error("The socket is not open");
    }, false],
  ];
  for (const [send, sent] of outcomes) {
    const adapter = bindGateway(link({ send })).adapterCreator(GUILD)(new Connection());
    assertEquals(adapter.sendPayload(op4()), sent);
  }
  await new Promise((resolve) => setTimeout(resolve)); // a rejection left over would fail the test
});

test("nonsense is left aside by dispatch()", () => {
  const binding = bindGateway(link());
  const connection = new Connection();
  binding.adapterCreator(GUILD)(connection);
  for (const packet of NONSENSE) binding.dispatch(packet);
  assertEquals(connection.told, []);
});

test("a guild id that is no snowflake is refused, and is not repeated", () => {
  for (const id of ["", "guild", SECRET, "-1"]) {
    const error = assertThrows(() => bindGateway(link()).adapterCreator(id), RangeError);
    assertEquals(
      error.message,
      "Cannot bind a guild: its id is no snowflake, want a decimal number",
    );
  }
});

test("a binding keeps no token", () => {
  const binding = bindGateway(link());
  binding.adapterCreator(GUILD)({
    destroy: () => {},
    onVoiceServerUpdate: () => {},
    onVoiceStateUpdate: () => {},
  });
  binding.dispatch(serverPacket());
  const text = inspect(binding, { depth: Infinity, showHidden: true }) + JSON.stringify(binding);
  assert(!text.includes(SECRET));
});
