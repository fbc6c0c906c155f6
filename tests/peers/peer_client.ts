/**
 * A bot on a library of others in a child process: what it is told and what it reports.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { TLS_CERTIFICATE_PATH } from "../tools/tls_front.ts";
import { type Bot, toHex, Transmission } from "./bot.ts";
import { installPeer } from "./install.ts";

/** One line of the bot's report. */
export interface PeerReport {
  /** What happened. */
  readonly event:
    | "started"
    | "state"
    | "message"
    | "transitioned"
    | "hearing"
    | "heard"
    | "played"
    | "gateway-close"
    | "error"
    | "exit";
  /** Milliseconds on the bot's clock. */
  readonly at?: number;
  /** With `state`: the new state, in the words of @discordjs/voice. */
  readonly state?: string;
  /** With `state`: the own SSRC, once it is known. */
  readonly ssrc?: number;
  /** With `state`: the encryption mode, once it is known. */
  readonly mode?: string;
  /** With `message`: whether the bot has sent or received it. */
  readonly direction?: "sent" | "received";
  /** With `message`: the opcode. */
  readonly op?: number;
  /** With `transitioned`: the transition of DAVE that was executed. */
  readonly transitionId?: number;
  /** With `transitioned`: the code that all members share. */
  readonly privacyCode?: string;
  /** With `heard`: who spoke. With `message`: whose Speaking was received. */
  readonly userId?: string;
  /** With `heard`: the Opus packet, as hex. */
  readonly opus?: string;
  /** With `error`: what the library said. */
  readonly message?: string;
  /** With `exit`: how the process ended, and what it wrote to standard error. */
  readonly ending?: string;
}

/** Where a bot joins. */
export interface PeerJoin {
  /** URL of the gateway stub. */
  readonly gateway: string;
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** Whether the bot offers DAVE. */
  readonly dave: boolean;
}

/**
 * Eris and Dysnomia hand their five frames of closing silence to the runtime in one buffer, one
 * right after another. It sends them later: five times the last one, and only the first of
 * these is no replay.
 */
const SINGLE_SILENCE_PEERS = ["eris", "dysnomia"];

const NODE = await runtimePath("node");

/** Opcodes of the voice gateway. */
const [SPEAKING, RESUME, RESUMED] = [5, 7, 9];

/** A bot on a library of others. */
export class PeerClient implements Bot, AsyncDisposable {
  readonly name: string;
  readonly userId: string;
  readonly closingSilence: number;
  /** Everything that was reported, in order. */
  readonly reports: PeerReport[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #errors = "";

  private constructor(name: string, userId: string, child: ChildProcess) {
    this.name = name;
    this.userId = userId;
    this.closingSilence = SINGLE_SILENCE_PEERS.includes(name) ? 1 : 2;
    this.#child = child;
    child.stdin!.on("error", () => {}); // the process has ended, as "exit" says
    child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    createInterface({ input: child.stdout! }).on("line", (line) => this.#add(JSON.parse(line)));
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => this.#end(error.message, resolve));
      child.on("close", (code, signal) => this.#end(`code ${code ?? signal}`, resolve));
    });
  }

  /**
   * Starts the bot's process on Node, whatever runtime this one is.
   *
   * @param name Name of the peer's folder.
   * @param userId The bot's user id.
   * @param signal Kills it; whoever waits for a report then hears of its end.
   */
  static async start(name: string, userId: string, signal: AbortSignal): Promise<PeerClient> {
    const program = join(await installPeer(name), "client.mjs");
    const child = spawn(NODE, [program], {
      env: {
        ...process.env,
        NODE_EXTRA_CA_CERTS: TLS_CERTIFICATE_PATH,
        NODE_OPTIONS: "",
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    return new PeerClient(name, userId, child);
  }

  /**
   * Joins; resolves once the connection is Ready.
   *
   * @throws {Error} The bot has reported an error or has ended.
   */
  async join(where: PeerJoin): Promise<void> {
    this.#tell({ do: "join", token: `${btoa(this.userId)}.peer`, ...where });
    const report = await this.until((report) => isReady(report) || report.event === "error");
    if (!isReady(report)) throw new Error(`The peer does not join: ${this.#describe()}`);
  }

  async hear({ userId }: Bot): Promise<void> {
    this.#tell({ do: "hear", userId });
    await this.until((report) => report.event === "hearing" && report.userId === userId);
  }

  speak(): void {
    this.#tell({ do: "speak" });
  }

  async secured(transitionId: number): Promise<string | undefined> {
    const report = await this.until((report) => report.transitionId === transitionId);
    return report.privacyCode;
  }

  async knowsSpeaker({ userId }: Bot): Promise<void> {
    await this.until((report) =>
      report.op === SPEAKING && report.direction === "received" && report.userId === userId
    );
  }

  async play(packets: readonly Uint8Array[]): Promise<void> {
    const from = this.reports.length;
    this.#tell({ do: "play", packets: packets.map(toHex) });
    await this.until(({ event }) => event === "played", from);
  }

  async heard(speaker: Bot): Promise<string[]> {
    const transmission = new Transmission(speaker);
    await this.until(({ event, userId, opus }) =>
      event === "heard" && userId === speaker.userId && transmission.push(opus!)
    );
    return transmission.packets;
  }

  /** Waits until so many packets were heard, of whomever. */
  async hearsPackets(count: number, from: number): Promise<void> {
    let heard = 0;
    await this.until(({ event }) => event === "heard" && ++heard === count, from);
  }

  /**
   * Waits until the bot has sent op 7 and got op 9, and nothing else of that kind.
   *
   * @param from Index of the first report that counts.
   * @returns Index of the report of op 9.
   */
  async resumes(from: number): Promise<number> {
    const resumed = await this.until(({ op }) => op === RESUMED, from);
    const end = this.reports.indexOf(resumed);
    const reports = this.reports.slice(from, end + 1);
    assertEquals(
      reports.filter(({ op }) => op === RESUME || op === RESUMED)
        .map(({ op, direction }) => `${direction} ${op}`),
      ["sent 7", "received 9"],
    );
    return end;
  }

  get mode(): string | undefined {
    return this.#ready?.mode;
  }

  get ssrc(): number | undefined {
    return this.#ready?.ssrc;
  }

  /**
   * Waits for a report; those that have come count as well.
   *
   * @param wanted Tells whether it is the one.
   * @param from Index of the first report that counts.
   * @throws {Error} The process has ended; the message shows the last reports.
   */
  async until(wanted: (report: PeerReport) => boolean, from: number = 0): Promise<PeerReport> {
    for (let i = from;; i++) {
      while (i >= this.reports.length) {
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      const report = this.reports[i];
      if (wanted(report)) return report;
      if (report.event === "exit") throw new Error(`The peer has ended: ${this.#describe()}`);
    }
  }

  /** Leaves the channel and ends the process; kills it where it does not end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell({ do: "leave" });
    this.#child.stdin!.end();
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#ended;
    clearTimeout(limit);
  }

  /** The last Ready state that was reported. */
  get #ready(): PeerReport | undefined {
    return this.reports.findLast(isReady);
  }

  #describe(): string {
    const reports = this.reports.filter(({ event }) => event !== "heard").slice(-20);
    return reports.map((report) => JSON.stringify(report)).join("\n");
  }

  #tell(command: Readonly<Record<string, unknown>>): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  #add(report: PeerReport): void {
    this.reports.push(report);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #end(ending: string, resolve: () => void): void {
    this.#add({ event: "exit", ending: `${ending}\n${this.#errors}`.trim() });
    resolve();
  }
}

/** Whether a report says that the connection is Ready. */
function isReady({ event, state }: PeerReport): boolean {
  return event === "state" && state === "ready";
}
