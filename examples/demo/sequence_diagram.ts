/**
 * The messages of a call as a sequence diagram. It is a list, so that it can be read
 * aloud as well.
 *
 * @module
 */

import { escapeHtml, percent } from "./html.ts";

/** Which bot: A plays, B records. */
export type BotName = "A" | "B";

/** A message that went by at a bot. */
export interface CallMessage {
  /** Milliseconds since the call began. */
  readonly at: number;
  /** At which bot. */
  readonly bot: BotName;
  /** Seen from the bot. */
  readonly direction: "sent" | "received";
  /** Through what. */
  readonly channel: "gateway" | "websocket" | "udp";
  /** Name of the message. */
  readonly name: string;
}

interface Lane {
  readonly title: string;
  readonly role: string;
}

/** From left to right; audio flows that way. */
const LANES = {
  A: { title: "Bot A", role: "plays" },
  gateway: { title: "Main gateway", role: "stub" },
  websocket: { title: "WebSocket", role: "voice server" },
  udp: { title: "UDP", role: "voice server" },
  B: { title: "Bot B", role: "records" },
} as const satisfies Record<string, Lane>;

const LANE_NAMES = Object.keys(LANES);

/** Most messages that are drawn. */
const ROW_LIMIT = 150;

/** Milliseconds without a message from which on a gap is shown. */
const GAP = 300;

/** What goes on as long as a connection does; drawn once for each bot. */
const REPEATED: ReadonlySet<string> = new Set(["Heartbeat", "HeartbeatAck", "Keepalive"]);

/**
 * Draws messages in the order of their times.
 *
 * @param messages What went by.
 * @returns HTML.
 */
export function drawSequence(messages: readonly CallMessage[]): string {
  const chosen = firstOfEach([...messages].sort((a, b) => a.at - b.at));
  const drawn = chosen.slice(0, ROW_LIMIT);
  const rows = drawn.map((message, i) => drawMessage(message, drawn[i - 1]?.at ?? 0));
  const lines = LANE_NAMES.map((_, i) => `<i style="left:${percent(center(i))}"></i>`);
  const heads = Object.entries(LANES).map(([name, { title, role }]) =>
    `<div class="lane-${name}"><b>${title}</b><small>${role}</small></div>`
  );
  return `<div class="sequence"><div class="heads">${heads.join("")}</div>
<div class="body"><div class="lifelines" aria-hidden="true">${lines.join("")}</div>
<ol>${rows.join("\n")}</ol></div></div>${omission(messages.length, chosen.length, drawn.length)}`;
}

function drawMessage({ at, bot, direction, channel, name }: CallMessage, before: number): string {
  const [from, to] = direction === "sent" ? [bot, channel] : [channel, bot];
  const [x1, x2] = [from, to].map((lane) => center(LANE_NAMES.indexOf(lane)));
  const left = percent(Math.min(x1, x2));
  const width = percent(Math.abs(x2 - x1));
  const heading = x2 > x1 ? "rightward" : "leftward";
  const classes = `bot-${bot}${at - before > GAP ? " gap" : ""}`;
  return `<li class="${classes}"><time>${at.toFixed(at < 1000 ? 1 : 0)}</time><div class="lane">` +
    `<b style="left:${percent((x1 + x2) / 2)}">${escapeHtml(name)}</b>` +
    `<i class="${heading}" style="left:${left};width:${width}" role="img" ` +
    `aria-label="from ${laneTitle(from)} to ${laneTitle(to)}"></i></div></li>`;
}

function firstOfEach(messages: readonly CallMessage[]): CallMessage[] {
  const seen = new Set<string>();
  return messages.filter(({ bot, direction, name }) => {
    const key = `${bot} ${direction} ${name}`;
    if (!REPEATED.has(name)) return true;
    return !seen.has(key) && seen.add(key);
  });
}

function omission(all: number, chosen: number, drawn: number): string {
  const notes: string[] = [];
  if (all > chosen) notes.push(`${all - chosen} later heartbeats and keepalives`);
  if (chosen > drawn) notes.push(`the last ${chosen - drawn} messages`);
  return notes.length === 0 ? "" : `<p class="note">Not drawn: ${notes.join(" and ")}.</p>`;
}

function laneTitle(name: string): string {
  return LANES[name as keyof typeof LANES].title;
}

function center(index: number): number {
  return (index + 0.5) / LANE_NAMES.length;
}
