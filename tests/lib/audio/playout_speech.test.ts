import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import {
  loadSpeech,
  measureSpeech,
  type Remedy,
  type SpeechFigures,
} from "../../bench/receive_speech.ts";

const SEEDS = [1, 2, 3];
const speech = await loadSpeech();

test("Playout gives what a decoder makes of all packets where none is lost", async () => {
  const { snr, segmental } = await measureSpeech(speech, {}, "fec");
  assertEquals(segmental, 35);
  assert(snr > 200, `${snr} dB`); // there is no noise at all
});

test("Playout restores more of speech by FEC than by concealment, and by that than by silence", async () => {
  const means: Partial<Record<Remedy, SpeechFigures>> = {};
  for (const remedy of ["silence", "concealment", "fec"] as const) {
    let [snr, segmental, spectral] = [0, 0, 0];
    for (const seed of SEEDS) {
      const figures = await measureSpeech(speech, { loss: 0.1, seed }, remedy);
      snr += figures.snr / SEEDS.length;
      segmental += figures.segmental / SEEDS.length;
      spectral += figures.spectral / SEEDS.length;
    }
    means[remedy] = { snr, segmental, spectral };
  }
  const { silence, concealment, fec } = means as Record<Remedy, SpeechFigures>;
  const text = JSON.stringify(means);
  assert(concealment.snr > silence.snr + 0.5, text);
  assert(fec.snr > concealment.snr + 5, text);
  assert(fec.segmental > concealment.segmental + 2, text);
  assert(concealment.spectral < 0.7 * silence.spectral, text);
  assert(fec.spectral < 0.7 * concealment.spectral, text);
});
