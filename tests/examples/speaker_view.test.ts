import { assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import test from "node:test";
import { speakerLine, SpeakerView, type ViewStyle } from "../../examples/speaker_view.ts";
import type { UserRecording } from "@sotto/voice/recording";

const USER: UserRecording = {
  userId: "100000000000000002",
  file: "100000000000000002.wav",
  channel: undefined,
  seconds: 65,
  spoken: 12.34,
  late: 0,
  packetsReceived: 617,
  lost: 3,
  concealed: 2,
  undecodable: 0,
};

/** A recording, a terminal of 80 columns and 6 rows, and all that is written on it. */
class Stage {
  users: UserRecording[] = [];
  peaks: [string, number][] = [];
  text = "";
  readonly seconds = 65;
  readonly columns = 80;
  readonly rows = 6;

  takePeaks(): ReadonlyMap<string, number> {
    return new Map(this.peaks);
  }

  write(text: string): void {
    this.text += text;
  }

  /** What a view writes meanwhile. */
  show(style: ViewStyle, scenes: (() => void)[]): string[] {
    const view = new SpeakerView(this, this, style);
    const written = scenes.map((scene) => {
      this.text = "";
      scene();
      view.update();
      return this.text;
    });
    this.text = "";
    view.close();
    return [...written, this.text];
  }
}

test("speakerLine() shows level, time and losses", () => {
  assertEquals(
    speakerLine(USER, -30),
    "100000000000000002    ██████████░░░░░░░░░░ -30 dB    12.3 s     3 lost     2 concealed",
  );
  assertStringIncludes(speakerLine(USER, 0), `${"█".repeat(20)}   0 dB`);
  assertStringIncludes(speakerLine(USER, -Infinity), `${"░".repeat(20)}     dB`);
  assertFalse(speakerLine(USER, undefined).includes("dB"));
  assertMatch(speakerLine({ ...USER, undecodable: 4 }, -1), /4 undecodable$/);
});

test("speakerLine() shows nothing that a terminal obeys, whatever a user is called", () => {
  for (const userId of ["\x1b[2J", "a\nb", "\x9b31m", "9".repeat(300), ""]) {
    assertMatch(speakerLine({ ...USER, userId }, undefined), /^[!-~]{0,20} {2,}12\.3/);
    assertEquals(speakerLine({ ...USER, userId }, undefined).indexOf("12.3"), 24);
  }
});

test("SpeakerView draws in place, and shows the cursor at the end", () => {
  const stage = new Stage();
  const [first, second, last] = stage.show("live", [
    () => {},
    () => {
      stage.users = [USER];
      stage.peaks = [[USER.userId, 0.5]];
    },
  ]);
  assertEquals(first, "\x1b[2Krecording 1:05, 0 heard\n");
  assertStringIncludes(second, "\x1b[1A\x1b[2Krecording 1:05, 1 heard\n\x1b[2K100000000000000002 ");
  assertStringIncludes(second, " -6 dB");
  assertStringIncludes(last, "\x1b[2A");
  assertEquals(last.endsWith("\x1b[?25h"), true);
});

test("SpeakerView's meter rises at once and falls slowly", () => {
  const stage = new Stage();
  stage.users = [USER];
  const levels = [0.01, 1, 0, 0, 0.9].map((peak) => () =>
    void (stage.peaks = [[USER.userId, peak]])
  );
  const shown = stage.show("live", levels).map((text) => / ([ -]\d+|-\d\d) dB/.exec(text)?.[1]);
  assertEquals(shown.slice(0, 5).map(Number), [-40, 0, -3, -6, -1]);
});

test("SpeakerView fits on the terminal", () => {
  const stage = new Stage();
  stage.users = Array.from({ length: 9 }, (_, i) => ({ ...USER, userId: `${i}` }));
  const [drawn] = stage.show("live", [() => {}]);
  assertEquals(drawn.split("\n").length - 1, 5);
  assertStringIncludes(drawn, "and 6 more\n");
});

test("SpeakerView tells in plain lines who has spoken since the last time", () => {
  const stage = new Stage();
  const [silent, spoken, quiet] = stage.show("lines", [
    () => {},
    () => void (stage.users = [USER, { ...USER, userId: "7", spoken: 0 }]),
    () => {},
  ]);
  assertEquals([silent, spoken, quiet], ["", `${speakerLine(USER, undefined)}\n`, ""]);
});

test("SpeakerView of no style writes nothing", () => {
  const stage = new Stage();
  stage.users = [USER];
  assertEquals(stage.show("none", [() => {}]), ["", ""]);
});
