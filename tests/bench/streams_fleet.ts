/**
 * What the process that `streams.ts` measures is told, and what it is made of.
 *
 * @module
 */

/** Whose bots they are. */
export type SubjectName = "sotto" | "@discordjs/voice";

/** What the bots are. */
export interface FleetOptions {
  /** Whose. */
  readonly subject: SubjectName;
  /** Voice servers, each for `BOTS_PER_SERVER`. */
  readonly endpoints: readonly string[];
  /** Whether calls are encrypted end to end. */
  readonly dave: boolean;
  /** Whether there is no socket: packets are made, counted and dropped. Only ours know it. */
  readonly noSocket: boolean;
  /** Whether packets are sent by a worker. Only ours know it. */
  readonly worker?: boolean;
  /** Milliseconds of each second for which the main thread stands still; 0 by default. */
  readonly stall?: number;
}

/** Where a bot joins. */
export interface Place {
  /** `host:port` of the voice server. */
  readonly endpoint: string;
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** The bot's user id. */
  readonly userId: string;
}

/** A bot that has joined. */
export interface FleetBot {
  /** The encryption mode. */
  readonly mode: string | undefined;
  /** Whether its frames are encrypted end to end. */
  readonly isSecure: boolean;
  /** Packets that the runtime could not send. */
  readonly unsent: number;
  /** Plays `PACKET` for ever, a packet each 20 ms. */
  play(): void;
  /** Stops playing. */
  stop(): void;
  /** Sends `PACKET` now. */
  send(): void;
}

/** Bots of one library. */
export interface Fleet {
  /** Packets that were made where there is no socket. */
  readonly sent: number;
  /** One more bot joins. */
  join(place: Place): Promise<FleetBot>;
}

/** A line that the process is told. */
export type FleetCommand =
  | { readonly do: "join" | "play"; readonly count: number }
  | { readonly do: "flood"; readonly ms: number }
  | { readonly do: "usage" };

/** What the process has used until now. */
export interface FleetUsage {
  /** The time in milliseconds. */
  readonly at: number;
  /** CPU time in microseconds. */
  readonly cpu: number;
  /** Resident memory in bytes. */
  readonly rss: number;
  /** Packets that were made where there is no socket. */
  readonly sent: number;
  /** Packets that the runtime could not send. */
  readonly unsent: number;
}

/** Bots on one voice server, which has a limit of its own. */
export const BOTS_PER_SERVER = 1000;

/** An Opus packet of 20 ms. */
export const PACKET: Uint8Array = Uint8Array.from(
  { length: 160 },
  (_, i) => i === 0 ? 0xfc : 7 * i,
);
