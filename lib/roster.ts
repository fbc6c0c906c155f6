/**
 * Who is in the channel, as the server's messages tell it: each change becomes an event,
 * and each SSRC is mapped. The client itself is left aside.
 *
 * @module
 */

import { VoiceOpcodes } from "./opcodes.ts";
import type { Outbox } from "./outbox.ts";
import { PARTICIPANT_LIMIT, Participants } from "./participants.ts";
import type { SpeakingPayload, VideoPayload, VoiceReceivePayload } from "./payloads.ts";

/** Who hears which SSRC is whose voice; see `Streams`. */
export interface VoiceListener {
  /** An SSRC is a user's voice. */
  assign(ssrc: number, userId: string): void;
  /** An SSRC is nobody's voice any more. */
  end(ssrc: number): void;
}

/** Follows the participants of one session. */
export class Roster {
  readonly #outbox: Outbox;
  readonly #ownUserId: string;
  readonly #voices: () => VoiceListener;
  readonly #participants = new Participants((userId) => this.#tellLeft(userId));

  /**
   * Starts without participants.
   *
   * @param outbox Takes the events.
   * @param ownUserId The client's own user id.
   * @param voices Hears which SSRC is whose voice.
   */
  constructor(outbox: Outbox, ownUserId: string, voices: () => VoiceListener) {
    this.#outbox = outbox;
    this.#ownUserId = ownUserId;
    this.#voices = voices;
  }

  /** Who they are, and which SSRC is whose. */
  get participants(): Pick<Participants, "users" | "userOf" | "videoOf"> {
    return this.#participants;
  }

  /** Takes a message, if it is about participants. */
  receive({ op, d }: VoiceReceivePayload): void {
    switch (op) {
      case VoiceOpcodes.Speaking:
        return this.#handleSpeaking(d);
      case VoiceOpcodes.Video:
        return this.#handleVideo(d);
      case VoiceOpcodes.ClientsConnect:
        return d.user_ids.slice(-PARTICIPANT_LIMIT).forEach((userId) => this.#add(userId));
      case VoiceOpcodes.ClientFlags:
      case VoiceOpcodes.ClientPlatform:
        return this.#add(d.user_id);
      case VoiceOpcodes.ClientDisconnect:
        return this.#remove(d.user_id);
    }
  }

  /** The channel or its server is another one: all are gone. */
  clear(): void {
    for (const userId of [...this.#participants.users]) this.#remove(userId);
  }

  #handleSpeaking({ user_id: userId, ssrc, speaking: flags }: SpeakingPayload): void {
    if (userId === this.#ownUserId) return;
    this.#add(userId);
    this.#map(ssrc, userId);
    this.#outbox.event({ type: "speaking", userId, ssrc, flags });
  }

  #handleVideo(video: VideoPayload): void {
    const { user_id: userId, audio_ssrc: ssrc } = video;
    if (userId === this.#ownUserId) return;
    this.#add(userId);
    if (ssrc !== 0) this.#map(ssrc, userId);
    this.#participants.mapVideo(videoSsrcs(video), userId, retransmissionSsrcs(video));
    this.#outbox.event({ type: "video", userId, ssrc });
  }

  #map(ssrc: number, userId: string): void {
    const before = this.#participants.ssrcOf(userId);
    if (before !== undefined && before !== ssrc) this.#voices().end(before);
    this.#participants.map(ssrc, userId);
    this.#voices().assign(ssrc, userId);
  }

  #add(userId: string): void {
    if (userId === this.#ownUserId || !this.#participants.add(userId)) return;
    this.#outbox.event({ type: "clientConnect", userId });
  }

  #remove(userId: string): void {
    const ssrc = this.#participants.ssrcOf(userId);
    if (ssrc !== undefined) this.#voices().end(ssrc);
    if (this.#participants.remove(userId)) this.#tellLeft(userId);
  }

  #tellLeft(userId: string): void {
    this.#outbox.event({ type: "clientDisconnect", userId });
  }
}

/** All SSRCs of a user's video; 0 is none. */
function videoSsrcs({ video_ssrc = 0, streams = [] }: VideoPayload): number[] {
  const ssrcs = streams.flatMap(({ ssrc = 0, rtx_ssrc = 0 }) => [ssrc, rtx_ssrc]);
  return [...new Set([video_ssrc, ...ssrcs])].filter((ssrc) => ssrc !== 0);
}

function retransmissionSsrcs({ streams = [] }: VideoPayload): number[] {
  return streams.map(({ rtx_ssrc = 0 }) => rtx_ssrc);
}
