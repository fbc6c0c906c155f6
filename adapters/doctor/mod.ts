/**
 * Finds out what stands between a bot and a voice server: permissions, clocks, encryption,
 * TCP, TLS, WebSocket, UDP. Each check says what it saw and, where something is wrong, what
 * to do about it. Nothing hangs, nothing stays open, and no token or key is in any text.
 *
 * @example Look at this machine
 * ```ts
 * import { diagnose } from "@sotto/voice/doctor";
 *
 * const { ok, checks } = await diagnose();
 * for (const { name, status, detail, advice = "" } of checks) {
 *   console.log(status, name, detail, advice);
 * }
 * console.log(ok ? "all is well" : "something is blocked");
 * ```
 *
 * @module
 */

import { detectTransport } from "../detect.ts";
import type { RunningVoiceServer } from "../testing/mod.ts";
import type { Transport } from "../transport.ts";
import { checkClock, checkTimers } from "./clock.ts";
import { type Check, type Examine, notChecked, runCheck } from "./finding.ts";
import { checkModes } from "./modes.ts";
import { checkPermissions } from "./permissions.ts";
import { checkCrypto } from "./self_test.ts";
import { parseTarget, type Target } from "./target.ts";
import { checkTcp } from "./tcp.ts";
import { checkTls } from "./tls.ts";
import { checkUdp } from "./udp.ts";
import { checkWallClock } from "./wall_clock.ts";
import { checkWebSocket } from "./websocket.ts";

export type { Check, CheckStatus, Finding } from "./finding.ts";
export type * from "../../lib/aead.ts";
export type * from "../transport.ts";

/** What to examine; everything has a default. */
export interface DiagnoseOptions {
  /**
   * The voice gateway: `wss://HOST:PORT`, or `ws://127.0.0.1:PORT`. By default a server that
   * is started on loopback for the purpose.
   */
  readonly url?: string;
  /** The token for the session that is held with a server on loopback; any by default. */
  readonly token?: string;
  /** Milliseconds that each check may take; 5000 by default. */
  readonly timeout?: number;
  /** Ends the examination. */
  readonly signal?: AbortSignal;
  /** The sockets and ciphers to examine; the runtime's own by default. */
  readonly transport?: Transport;
  /** Is told of each check as soon as it is made. */
  readonly onCheck?: (check: Check) => void;
}

/** What was found. */
export interface Diagnosis {
  /** Whether nothing has failed. */
  readonly ok: boolean;
  /** Name of the runtime. */
  readonly runtime: Transport["runtime"];
  /** The checks, in the order in which they were made. */
  readonly checks: readonly Check[];
}

const TIMEOUT = 5_000;

/** The longest time that a runtime's timer takes. */
const MAX_TIMEOUT = 2 ** 31 - 1_000;

/**
 * Makes all checks, one after another. What needs something that has failed is skipped.
 *
 * @param options What to examine.
 * @returns What was found.
 * @throws {RangeError} The URL or the timeout is none.
 * @throws The reason of `options.signal`.
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { url, timeout = TIMEOUT, signal } = options;
  if (!(timeout >= 1 && timeout <= MAX_TIMEOUT)) {
    throw new RangeError(
      `Cannot use a timeout of ${timeout} ms: it must be 1 to ${MAX_TIMEOUT}`,
    );
  }
  const target = url === undefined ? undefined : parseTarget(url);
  signal?.throwIfAborted();
  const transport = options.transport ?? await detectTransport();
  const examination = new Examination(options, timeout);
  await examineSelf(examination, transport, target);
  if (target === undefined) await examineLoopback(examination, transport, options.token);
  else await examineTarget(examination, transport, target, options.token);
  const { checks } = examination;
  const ok = checks.every(({ status }) => status !== "failed");
  return { ok, runtime: transport.runtime, checks };
}

/** The checks that were made so far. */
class Examination {
  readonly checks: Check[] = [];
  readonly #options: DiagnoseOptions;
  readonly #timeout: number;
  readonly #blocked = new Set<string>();

  constructor(options: DiagnoseOptions, timeout: number) {
    this.#options = options;
    this.#timeout = timeout;
  }

  /** Makes a check, unless what it needs has failed. */
  async make(name: string, needs: string | undefined, examine: Examine): Promise<void> {
    const { signal, onCheck } = this.#options;
    const blocked = needs !== undefined && this.#blocked.has(needs);
    const check = blocked
      ? { name, ...notChecked(`needs ${needs}`) }
      : await runCheck(name, this.#timeout, signal, examine);
    signal?.throwIfAborted();
    if (blocked || check.status === "failed") this.#blocked.add(name);
    this.checks.push(check);
    onCheck?.(check);
  }
}

async function examineSelf(
  examination: Examination,
  { aead }: Transport,
  target: Target | undefined,
): Promise<void> {
  await examination.make("permissions", undefined, () => checkPermissions(target));
  await examination.make("clock", undefined, () => checkClock());
  await examination.make("timers", undefined, checkTimers);
  await examination.make("modes", undefined, () => checkModes(aead));
  await examination.make("crypto", undefined, () => checkCrypto(aead));
}

/** Starts the embedded server, looks at it and stops it. */
async function examineLoopback(
  examination: Examination,
  transport: Transport,
  token: string | undefined,
): Promise<void> {
  let starting: Promise<RunningVoiceServer> | undefined;
  let target: Target | undefined;
  try {
    await examination.make("loopback server", "permissions", async () => {
      // Here, because on Node it loads `npm:ws`, which reads the environment.
      const { startVoiceServer } = await import("../testing/mod.ts");
      const { url } = await (starting = startVoiceServer());
      target = parseTarget(url);
      return { status: "ok", detail: "a voice server listens on 127.0.0.1" };
    });
    await examineTarget(examination, transport, target, token, "loopback server");
  } finally {
    await starting?.then((server) => server.close(), () => {});
  }
}

async function examineTarget(
  examination: Examination,
  transport: Transport,
  target: Target | undefined,
  token = "doctor",
  needs = "permissions",
): Promise<void> {
  const make = (
    name: string,
    needed: string,
    examine: (target: Target, signal: AbortSignal) => ReturnType<Examine>,
  ): Promise<void> =>
    examination.make(
      name,
      needed,
      (signal) => target === undefined ? notChecked("there is no server") : examine(target, signal),
    );
  const { runtime } = transport;
  await make("tcp", needs, (to, signal) => checkTcp(runtime, to, signal));
  await make("tls", "tcp", (to, signal) => checkTls(runtime, to, signal));
  await make("websocket", "tls", (to, signal) => checkWebSocket(transport, to, signal));
  await make("wall clock", "tls", (to, signal) => checkWallClock(to, signal));
  await make("udp", "websocket", (to, signal) => checkUdp(transport, to, token, signal));
}
