import { assertEquals } from "@std/assert";
import test from "node:test";
import type { SessionEvent } from "../../lib/io.ts";
import { VoiceOpcodes } from "../../lib/opcodes.ts";
import { Outbox } from "../../lib/outbox.ts";
import { PARTICIPANT_LIMIT } from "../../lib/participants.ts";
import { Roster } from "../../lib/roster.ts";

const { Speaking, Video, ClientsConnect, ClientFlags, ClientPlatform, ClientDisconnect, Ready } =
  VoiceOpcodes;

function setup() {
  const outbox = new Outbox();
  const events = (): SessionEvent[] => {
    const found: SessionEvent[] = [];
    for (let output; (output = outbox.poll()) !== undefined;) {
      if (output.type === "event") found.push(output.event);
    }
    return found;
  };
  const voices: string[] = [];
  const listener = {
    assign: (ssrc: number, userId: string) => voices.push(`${ssrc} ${userId}`),
    end: (ssrc: number) => voices.push(`${ssrc} ends`),
  };
  return { roster: new Roster(outbox, "own", () => listener), events, voices };
}

test("Roster tells once of each user, whatever names him, and maps his SSRCs", () => {
  const { roster, events } = setup();
  roster.receive({ op: ClientsConnect, d: { user_ids: ["a", "b", "a", "own"] } });
  roster.receive({ op: ClientFlags, d: { user_id: "c" } });
  roster.receive({ op: ClientPlatform, d: { user_id: "c" } });
  roster.receive({ op: Speaking, d: { user_id: "d", ssrc: 4, speaking: 1 } });
  roster.receive({ op: Video, d: { user_id: "e", audio_ssrc: 5, video_ssrc: 6 } });
  assertEquals(
    events().map((event) => "userId" in event ? `${event.type} ${event.userId}` : event.type),
    ["a", "b", "c", "d"].map((userId) => `clientConnect ${userId}`).concat(
      ["speaking d", "clientConnect e", "video e"],
    ),
  );
  const { users, userOf } = roster.participants;
  assertEquals([...users], ["a", "b", "c", "d", "e"]);
  assertEquals([4, 5, 6, 7].map((ssrc) => userOf.call(roster.participants, ssrc)), [
    "d",
    "e",
    "e",
    undefined,
  ]);
});

test("Roster leaves the client itself aside, and messages of another kind", () => {
  const { roster, events } = setup();
  roster.receive({ op: Speaking, d: { user_id: "own", ssrc: 4, speaking: 1 } });
  roster.receive({ op: Video, d: { user_id: "own", audio_ssrc: 5 } });
  roster.receive({ op: ClientDisconnect, d: { user_id: "nobody" } });
  roster.receive({ op: Ready, d: { ssrc: 1, port: 2, modes: [] } });
  assertEquals([events(), roster.participants.users.size], [[], 0]);
});

test("Roster tells of each who leaves, gives way or is cleared, once", () => {
  const { roster, events } = setup();
  const left = () => events().flatMap((e) => e.type === "clientDisconnect" ? [e.userId] : []);
  const user_ids = Array.from({ length: PARTICIPANT_LIMIT }, (_, i) => `${i}`);
  roster.receive({ op: ClientsConnect, d: { user_ids } });
  roster.receive({ op: ClientDisconnect, d: { user_id: "7" } });
  roster.receive({ op: ClientDisconnect, d: { user_id: "7" } });
  roster.receive({ op: ClientsConnect, d: { user_ids: ["x", "y"] } });
  assertEquals(left(), ["7", "0"]);
  roster.clear();
  roster.clear();
  assertEquals([left().length, roster.participants.users.size], [PARTICIPANT_LIMIT, 0]);
});

test("Roster says which SSRC is whose voice, and when it is nobody's any more", () => {
  const { roster, voices } = setup();
  roster.receive({ op: Speaking, d: { user_id: "a", ssrc: 1, speaking: 1 } });
  roster.receive({ op: Speaking, d: { user_id: "a", ssrc: 1, speaking: 0 } });
  roster.receive({ op: Video, d: { user_id: "a", audio_ssrc: 2, video_ssrc: 3 } });
  roster.receive({ op: Video, d: { user_id: "a", audio_ssrc: 0 } });
  roster.receive({ op: Speaking, d: { user_id: "own", ssrc: 9, speaking: 1 } });
  roster.receive({ op: Speaking, d: { user_id: "b", ssrc: 2, speaking: 1 } });
  roster.receive({ op: ClientDisconnect, d: { user_id: "a" } });
  roster.receive({ op: ClientDisconnect, d: { user_id: "b" } });
  assertEquals(voices, ["1 a", "1 a", "1 ends", "2 a", "2 b", "2 ends"]);
});

test("Roster tells video from what is sent again of it", () => {
  const { roster } = setup();
  const streams = [{ ssrc: 6, rtx_ssrc: 7 }, { ssrc: 8, rtx_ssrc: 0 }, { ssrc: 9 }];
  roster.receive({ op: Video, d: { user_id: "a", audio_ssrc: 5, video_ssrc: 6, streams } });
  const kinds = [5, 6, 7, 8, 9, 0].map((ssrc) => roster.participants.videoOf(ssrc));
  assertEquals(kinds, [undefined, "video", "rtx", "video", "video", undefined]);
});
