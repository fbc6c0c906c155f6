import { assertEquals } from "@std/assert";
import test from "node:test";
import { opcodeName, VoiceOpcodes } from "../../lib/opcodes.ts";

/** The names of protocol.md 2.6 and of Discord's documentation, by opcode. */
const NAMES = [
  ...["Identify", "SelectProtocol", "Ready", "Heartbeat", "SessionDescription", "Speaking"],
  ...["HeartbeatAck", "Resume", "Hello", "Resumed", "Signal", "ClientsConnect", "Video"],
  ...["ClientDisconnect", "SessionUpdate", "MediaSinkWants", "VoiceBackendVersion"],
  ...["ChannelOptionsUpdate", "ClientFlags", "SpeedTest", "ClientPlatform"],
  ...["DavePrepareTransition", "DaveExecuteTransition", "DaveTransitionReady", "DavePrepareEpoch"],
  ...["DaveMlsExternalSender", "DaveMlsKeyPackage", "DaveMlsProposals", "DaveMlsCommitWelcome"],
  ...["DaveMlsAnnounceCommitTransition", "DaveMlsWelcome", "DaveMlsInvalidCommitWelcome"],
  "NoRoute",
];

test("VoiceOpcodes has the numbers of the documentation, 0 to 32", () => {
  assertEquals(VoiceOpcodes, Object.fromEntries(NAMES.map((name, op) => [name, op])));
});

test("opcodeName() names what is known and numbers the rest", () => {
  for (const [op, name] of NAMES.entries()) assertEquals(opcodeName(op), name);
  const unknown = [33, 255, -1, 0.5].map(opcodeName);
  assertEquals(unknown, ["Opcode 33", "Opcode 255", "Opcode -1", "Opcode 0.5"]);
});
