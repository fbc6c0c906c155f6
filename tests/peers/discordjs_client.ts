/**
 * A bot on @discordjs/voice in a child process: what it is told and what it reports.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { TLS_CERTIFICATE_PATH } from "../tools/tls_front.ts";
import { installPeer } from "./install.ts";

/** One line of the bot's report. */
export interface PeerReport {
  /** What happened. */
  readonly event:
    | "started"
    | "state"
    | "networking"
    | "message"
    | "hearing"
    | "heard"
    | "played"
    | "gateway-close"
    | "error"
    | "exit";
  /** Milliseconds on the bot's clock. */
  readonly at?: number;
  /** With `state` and `networking`: the new state, in the words of @discordjs/voice. */
  readonly state?: string;
  /** With `state`: the own SSRC, once it is known. */
  readonly ssrc?: number;
  /** With `state`: the encryption mode, once it is known. */
  readonly mode?: string;
  /** With `message`: whether the bot has sent or received it. */
  readonly direction?: "sent" | "received";
  /** With `message`: the opcode. */
  readonly op?: number;
  /** With `heard`: who spoke. */
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
  /** Token for the gateway stub. */
  readonly token: string;
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
}

const SILENCE = "f8fffe";
const SPEAKING = 5;

/**
 * Collects the Opus packets of one transmission, as hex and without silence. Five packets
 * of silence end a transmission; @discordjs/voice also sends a single one after a break.
 */
export class Transmission {
  /** What was heard. */
  readonly packets: string[] = [];
  #silence = 0;

  /**
   * Takes the next packet.
   *
   * @returns Whether the transmission has ended.
   */
  push(opus: string): boolean {
    this.#silence = opus === SILENCE ? this.#silence + 1 : 0;
    if (opus !== SILENCE) this.packets.push(opus);
    return this.#silence >= 2;
  }
}

/** A bot on @discordjs/voice. */
export class DiscordJsClient implements AsyncDisposable {
  /** Everything that was reported, in order. */
  readonly reports: PeerReport[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #errors = "";

  private constructor(child: ChildProcess) {
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
   * @param signal Kills it; whoever waits for a report then hears of its end.
   */
  static async start(signal: AbortSignal): Promise<DiscordJsClient> {
    const [node, folder] = [await runtimePath("node"), await installPeer("discordjs")];
    const child = spawn(node, [join(folder, "client.mjs")], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: TLS_CERTIFICATE_PATH, NODE_OPTIONS: "" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    return new DiscordJsClient(child);
  }

  /** Joins; resolves once the connection is Ready. */
  async join(where: PeerJoin): Promise<PeerReport> {
    this.#tell({ do: "join", ...where });
    return await this.until(({ event, state }) => event === "state" && state === "ready");
  }

  /** Subscribes to a user's audio, which is then reported. */
  async hear(userId: string): Promise<void> {
    this.#tell({ do: "hear", userId });
    await this.until((report) => report.event === "hearing" && report.userId === userId);
  }

  /** Sends Speaking ahead of the audio; otherwise it goes out with the first packet. */
  speak(): void {
    this.#tell({ do: "speak" });
  }

  /** Waits until somebody else's Speaking has come. */
  async knowsSpeaker(): Promise<void> {
    await this.until(({ op, direction }) => op === SPEAKING && direction === "received");
  }

  /** Plays Opus packets, one every 20 ms, without waiting for the end. */
  play(packets: readonly Uint8Array[]): void {
    this.#tell({ do: "play", packets: packets.map(toHex) });
  }

  /**
   * Waits until a user has fallen silent.
   *
   * @param userId Who is heard.
   * @param from Index of the first report that counts.
   * @returns The Opus packets that were heard up to then, as hex, without silence.
   */
  async heard(userId: string, from: number = 0): Promise<string[]> {
    const transmission = new Transmission();
    await this.until((report) => {
      const theirs = report.event === "heard" && report.userId === userId;
      return theirs && transmission.push(report.opus!);
    }, from);
    return transmission.packets;
  }

  /** The last Ready state that was reported. */
  get ready(): PeerReport {
    const isReady = ({ event, state }: PeerReport) => event === "state" && state === "ready";
    return this.reports.findLast(isReady)!;
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

/** Writes bytes as hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
