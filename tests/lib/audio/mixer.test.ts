import { assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import test from "node:test";
import { Mixer } from "../../../lib/audio/mixer.ts";
import { toneSamples } from "../../../lib/audio/tone.ts";

const constant = (value: number, frames: number) => new Int16Array(2 * frames).fill(value);

test("Mixer.mix() gives one input back to the bit, also at full scale", () => {
  const samples = toneSamples(0, 4800, { frequency: 440, amplitude: 1 });
  const mixer = new Mixer();
  const input = mixer.add();
  input.write(samples);
  assertEquals(mixer.mix(4800), samples);
});

test("Mixer.mix() adds inputs up, each at its volume", () => {
  const mixer = new Mixer();
  mixer.add().write(constant(1000, 4));
  mixer.add(0.5).write(constant(300, 4));
  mixer.add(0).write(constant(9999, 4));
  assertEquals(mixer.mix(4), constant(1150, 4));
});

test("Mixer inputs come and go at any sample", () => {
  const mixer = new Mixer();
  const music = mixer.add();
  music.write(constant(100, 1000));
  const mixed: number[] = [...mixer.mix(333)];
  const jingle = mixer.add();
  jingle.write(constant(7, 100));
  jingle.end();
  mixed.push(...mixer.mix(50), ...mixer.mix(77), ...mixer.mix(200));
  assertEquals(mixer.size, 1);
  music.remove();
  assertEquals(mixer.size, 0);
  mixed.push(...mixer.mix(40));
  const left = mixed.filter((_, i) => i % 2 === 0);
  const expected = Array.from(
    { length: 700 },
    (_, i) => i < 333 || (i >= 433 && i < 660) ? 100 : i < 433 ? 107 : 0,
  );
  assertEquals(left, expected);
});

test("Mixer inputs that have nothing are silent, and go on later", () => {
  const mixer = new Mixer();
  const input = mixer.add();
  assertEquals(mixer.mix(2), constant(0, 2));
  input.write(constant(5, 1));
  assertEquals(mixer.mix(2), Int16Array.of(5, 5, 0, 0));
  input.write(constant(6, 2));
  assertEquals(mixer.mix(1), Int16Array.of(6, 6));
  assertEquals([input.queued, input.room, mixer.size], [1, 47_999, 1]);
});

test("Mixer does not depend on how much is mixed at once", () => {
  const run = (piece: number) => {
    const mixer = new Mixer();
    const [one, two] = [mixer.add(), mixer.add()];
    one.write(toneSamples(0, 960, { frequency: 300, amplitude: 1 }));
    two.write(toneSamples(0, 960, { frequency: 700, amplitude: 0.8 }));
    two.fadeTo(0.1, 500);
    const mixed: number[] = [];
    for (let at = 0; at < 960; at += piece) mixed.push(...mixer.mix(piece));
    return mixed;
  };
  const whole = run(960);
  for (const piece of [1, 60, 320]) assertEquals(run(piece), whole);
});

test("Mixer limits: no sample wraps, the sum is turned down as a whole, and comes back", () => {
  const mixer = new Mixer();
  const inputs = [mixer.add(), mixer.add(), mixer.add()];
  const loud = toneSamples(0, 9600, { frequency: 440, amplitude: 1 });
  for (const input of inputs) input.write(loud);
  const mixed = mixer.mix(9600);
  let worst = 0;
  for (let i = 960; i < mixed.length; i++) {
    worst = Math.max(worst, Math.abs(mixed[i] - loud[i]));
  }
  // Three equal tones at a third each: the same tone, and no clipped one.
  assertLess(worst, 2200);
  assertLessOrEqual(Math.max(...mixed.map(Math.abs)), 32767);
  inputs.forEach((input) => input.remove());
  const quiet = mixer.add();
  quiet.write(constant(10_000, 9600));
  const after = mixer.mix(9600);
  assertEquals(after.at(-1), 10_000);
  for (let i = 2; i < after.length; i++) assertLessOrEqual(after[i - 2], after[i]);
});

test("Mixer has bounds", () => {
  const mixer = new Mixer();
  const inputs = Array.from({ length: 64 }, () => mixer.add());
  assertThrows(() => mixer.add(), RangeError, "Cannot add an input: the mixer has 64");
  const [input, ended, removed] = inputs;
  input.write(constant(32767, 48_000));
  assertEquals(input.room, 0);
  assertThrows(() => input.write(constant(1, 1)), RangeError, "want a whole number of at most 0");
  assertThrows(() => ended.write(new Int16Array(3)), RangeError, "have 1.5 frames");
  ended.end();
  removed.write(constant(1, 1));
  removed.remove();
  for (const gone of [ended, removed]) {
    assertEquals([gone.room, gone.queued], [0, 0]);
    assertThrows(() => gone.write(constant(1, 1)), TypeError, "it was ended");
  }
  assertEquals(mixer.size, 62);
  mixer.add();
  for (const frames of [-1, 0.5, NaN]) {
    assertThrows(() => mixer.mix(frames), RangeError, `Cannot mix ${frames} samples`);
  }
});

test("MixerInput.write() copies", () => {
  const input = new Mixer();
  const borrowed = constant(3, 2);
  const one = input.add();
  one.write(borrowed);
  borrowed.fill(9);
  assertEquals(input.mix(2), constant(3, 2));
});
