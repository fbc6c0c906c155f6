import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { RemoteProtocolError } from "../../lib/errors.ts";
import { readVoiceServer, readVoiceState } from "../../lib/gateway.ts";

const STATE = { user_id: "3", guild_id: "1", channel_id: "2", session_id: "s" };
const SERVER = { token: "t", guild_id: "1", endpoint: "host:443" };
const NONE: readonly unknown[] = [undefined, null, 1, "x", [], {}];

test("readVoiceState() gives back what has the fields that voice needs", () => {
  for (const state of [STATE, { ...STATE, channel_id: null }, { ...STATE, member: {} }]) {
    assertEquals(readVoiceState(state), state);
  }
});

test("readVoiceState() rejects each missing or ill-typed field", () => {
  for (const field of ["user_id", "channel_id", "session_id"]) {
    for (const value of [undefined, 1, {}, true]) {
      assertThrows(() => readVoiceState({ ...STATE, [field]: value }), RemoteProtocolError, field);
    }
  }
  assertThrows(() => readVoiceState({ ...STATE, user_id: null }), RemoteProtocolError);
  for (const none of NONE) assertThrows(() => readVoiceState(none), RemoteProtocolError);
});

test("readVoiceServer() gives back what has the fields that voice needs", () => {
  for (const server of [SERVER, { ...SERVER, endpoint: null }, { ...SERVER, guild_id: null }]) {
    assertEquals(readVoiceServer(server), server);
  }
});

test("readVoiceServer() rejects each missing or ill-typed field, without the token", () => {
  for (const field of ["token", "endpoint"]) {
    for (const value of [undefined, 1, {}, true]) {
      const error = assertThrows(
        () => readVoiceServer({ ...SERVER, token: "secret-token", [field]: value }),
        RemoteProtocolError,
        field,
      );
      assertEquals(error.message.includes("secret-token"), false);
    }
  }
  for (const none of NONE) assertThrows(() => readVoiceServer(none), RemoteProtocolError);
});
