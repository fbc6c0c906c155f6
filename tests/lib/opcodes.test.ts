import { assertEquals } from "@std/assert";
import test from "node:test";
import { opcodeName, VoiceOpcodes } from "../../lib/opcodes.ts";

test("VoiceOpcodes has the numbers of the documentation", () => {
  const { Identify, SelectProtocol, Ready, Heartbeat, SessionDescription } = VoiceOpcodes;
  assertEquals([Identify, SelectProtocol, Ready, Heartbeat, SessionDescription], [0, 1, 2, 3, 4]);
  const { Speaking, HeartbeatAck, Resume, Hello, Resumed, ClientsConnect, Video } = VoiceOpcodes;
  assertEquals([Speaking, HeartbeatAck, Resume, Hello, Resumed], [5, 6, 7, 8, 9]);
  assertEquals([ClientsConnect, Video, VoiceOpcodes.ClientDisconnect], [11, 12, 13]);
});

test("opcodeName() names what is known and numbers the rest", () => {
  for (const [name, op] of Object.entries(VoiceOpcodes)) assertEquals(opcodeName(op), name);
  assertEquals([opcodeName(10), opcodeName(255)], ["Opcode 10", "Opcode 255"]);
});
