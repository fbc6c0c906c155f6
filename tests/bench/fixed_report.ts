/**
 * A report of figures that nobody has measured, for tests of what is made of it.
 *
 * @module
 */

import type { BenchReport } from "./report_data.ts";
import type { Measured } from "./turns.ts";

const SUBJECTS: readonly Measured[] = [
  subject("send", "Sotto AES-256-GCM", "own", "gcm", [1000, 500, 1000], 0),
  subject("send", "Sotto XChaCha20-Poly1305", "own", "xchacha", [400, 200, 400], 0),
  { ...subject("send", "Sotto XChaCha20-Poly1305", "own", "xchacha", [900], 8), dave: true },
  subject("send", "@discordjs/voice AES-256-GCM", "peer", "gcm", [16_000, 16_000, 8000], 3219),
  { ...subject("send", "@discordjs/voice AES-256-GCM", "peer", "gcm", [1800]), dave: true },
  subject("send", "eris XSalsa20-Poly1305, sodium-native", "peer", "xsalsa", [1000, 1000, 1000]),
  { ...subject("send", "<peer>", "peer", "xchacha", []), error: "encrypt is not a function" },
  subject("receive", "Sotto AES-256-GCM", "own", "gcm", [1000], 240),
  subject("receive", "@discordjs/voice AES-256-GCM", "peer", "gcm", [21_000]),
  subject("seal", "Sotto XChaCha20-Poly1305", "own", "xchacha", [500]),
  { ...subject("seal", "C, libsodium XChaCha20-Poly1305", "limit", "xchacha", []), error: "No cc" },
];

/** Two runtimes. */
export const FIXED_REPORT: BenchReport = {
  date: "2026-01-02",
  machine: "2 × Processor, Linux",
  sizes: { own: 200_000, discordjs: 150_000, davey: 1_800_000 },
  runtimes: [
    {
      runtime: "node",
      version: "24.0.0",
      subjects: SUBJECTS,
      idle: {
        own: { heap: 70_000, rss: 150_000 },
        "own-dave": { heap: 95_000, rss: 200_000 },
        sockets: { heap: 60_000, rss: 100_000 },
      },
      imports: { "own-bundle": 40.4, discordjs: 60 },
    },
    { runtime: "bun", version: "1.4.0", subjects: [], idle: {}, imports: {} },
  ],
};

function subject(
  figure: Measured["figure"],
  name: string,
  side: Measured["side"],
  cipher: Measured["cipher"],
  rounds: readonly number[],
  allocated?: number,
): Measured {
  return { figure, name, side, cipher, rounds, allocated };
}
