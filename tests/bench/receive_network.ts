/**
 * The jitter buffer on simulated networks, beside an ideal buffer.
 *
 * The ideal buffer knows the least transit from the first packet on and waits a fixed time, the
 * mean delay of ours in the same run: late for it is whatever needs longer.
 *
 * @module
 */

import { JitterBuffer, type JitterItem } from "../../lib/audio/jitter_buffer.ts";
import {
  LEAST_TRANSIT,
  numberOf,
  playVoice,
  sendVoice,
  type VoiceNetworkOptions,
} from "../tools/voice_network.ts";

/** What became of the packets of one run. */
export interface NetworkFigures {
  /** Packets that were sent. */
  readonly sent: number;
  /** Packets that the network lost. */
  readonly lost: number;
  /** Packets that came too late to be played. */
  readonly late: number;
  /** The same for the ideal buffer. */
  readonly idealLate: number;
  /** Frames of 20 ms that were made up. */
  readonly concealed: number;
  /** Packets that were played twice, out of order, or with another timestamp than their own. */
  readonly wrong: number;
  /** Mean delay in milliseconds, the least transit left out. */
  readonly delay: number;
}

/** Plays a voice with one sender, network and buffer of default options. */
export function measureNetwork(options: VoiceNetworkOptions): NetworkFigures {
  const { sent, arrivals } = sendVoice(options);
  const buffer = new JitterBuffer();
  let concealed = 0;
  let wrong = 0;
  let last = -1;
  const delays: number[] = [];
  playVoice<JitterItem>(buffer, arrivals, (item) => {
    if (item.type === "loss") concealed += item.duration / 960;
    if (item.type !== "packet" || item.opus.length === 3) return; // silence has no number
    const index = numberOf(item.opus);
    const { sentAt, packet } = sent[index];
    if (index <= last || packet.timestamp !== item.timestamp) wrong++;
    last = index;
    delays.push(item.at - sentAt - LEAST_TRANSIT);
  });
  const delay = delays.reduce((sum, each) => sum + each, 0) / delays.length;
  return {
    sent: sent.length,
    lost: sent.filter((each) => each.lost).length,
    late: buffer.stats.late,
    idealLate: sent.filter((each) => !each.lost && each.lateness > delay).length,
    concealed,
    wrong,
    delay,
  };
}
