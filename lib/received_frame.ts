/**
 * What is received of a user: a frame and where it stands in the stream.
 *
 * @module
 */

/** An Opus frame of a user. */
export interface ReceivedFrame {
  /** Who speaks. */
  readonly userId: string;
  /** With which SSRC. */
  readonly ssrc: number;
  /** RTP sequence number, 16 bits. */
  readonly sequence: number;
  /** RTP timestamp in samples of 48 kHz, 32 bits. */
  readonly timestamp: number;
  /** When the datagram came, in monotonic milliseconds. */
  readonly at: number;
  /** The Opus packet. */
  readonly opus: Uint8Array;
}

/**
 * Copies a frame that is borrowed.
 *
 * @param frame The frame.
 * @returns One that may be kept.
 */
export function copyFrame(frame: ReceivedFrame): ReceivedFrame {
  const { userId, ssrc, sequence, timestamp, at, opus } = frame;
  return { userId, ssrc, sequence, timestamp, at, opus: opus.slice() };
}
