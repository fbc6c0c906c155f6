/**
 * What `play.ts` and `record.ts` share: the command line, one call from join to
 * leave, and the JSON line at its end.
 *
 * @module
 */

import process from "node:process";
import { setTimeout } from "node:timers";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { joinVoice, type JoinVoiceOptions, type VoiceConnection } from "@sotto/voice";
import { GATEWAY_VERSIONS, SEALING_MODES } from "@sotto/voice/core";

/** The options that name a call, for a usage line. */
export const JOIN_USAGE: string =
  "(--endpoint HOST[:PORT] | --url ws://127.0.0.1:PORT) --server-id S --channel-id C " +
  "--user-id U --session-id X --token T [--gateway-version 1..9] [--modes A,B] " +
  "[--discovery 74|70be|70le] [--dave off|on]";

const EXIT_DELAY = 2000;

const JOIN_OPTIONS = {
  endpoint: { type: "string" },
  url: { type: "string" },
  "server-id": { type: "string" },
  "channel-id": { type: "string" },
  "user-id": { type: "string" },
  "session-id": { type: "string" },
  token: { type: "string" },
  "gateway-version": { type: "string" },
  modes: { type: "string" },
  discovery: { type: "string" },
  dave: { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** Values of options that may be left out, by name. */
type Choices = Readonly<Record<string, readonly string[]>>;

/** What a program wants from its command line. */
export interface CallSyntax<C extends Choices> {
  /** One line for people. */
  readonly usage: string;
  /** Options besides those that name a call; all take a value and are required. */
  readonly options?: readonly string[];
  /** Options that may be left out, and what they may be. */
  readonly choices?: C;
  /** Throws where a value is wrong. */
  readonly check?: (values: Readonly<Record<string, string>>) => void;
  /** How many other arguments there are. */
  readonly positionals: number;
}

/** What a command line says. */
export interface CallArguments<C extends Choices> {
  /** For `joinVoice`. */
  readonly join: JoinVoiceOptions;
  /** Values of the further options. */
  readonly values: Readonly<Record<string, string>>;
  /** Values of the options that may be left out. */
  readonly choices: { readonly [K in keyof C]?: C[K][number] };
  /** The other arguments. */
  readonly positionals: readonly string[];
}

/**
 * Reads the command line; on a mistake says so and exits with 2.
 *
 * @param syntax What the program wants.
 * @returns What the command line says.
 */
export function parseCall<C extends Choices = Record<never, never>>(
  syntax: CallSyntax<C>,
): CallArguments<C> {
  try {
    return readArguments(syntax);
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${syntax.usage}`);
    process.exit(2);
  }
}

/**
 * Joins, works, leaves, and prints one JSON line: `result`, `mode`, `dave` (whether the call was
 * end-to-end encrypted at the last), `closeCodes` (with which the server has closed), `resumes`
 * and `error`.
 *
 * @param options What to join.
 * @param result What the program has to tell; `work` fills it in.
 * @param work What to do meanwhile. Its signal is aborted when the program is interrupted.
 * @returns The exit code.
 */
export async function call(
  options: JoinVoiceOptions,
  result: object,
  work: (connection: VoiceConnection, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new Error("Cannot go on: the program was interrupted"));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const closeCodes: number[] = [];
  let resumes = 0;
  let connection: VoiceConnection | undefined;
  let mode: string | undefined;
  let dave = false;
  let error: string | undefined;
  try {
    connection = await joinVoice({
      ...options,
      signal: interrupted.signal,
      onEvent: (event) => {
        if (event.type === "disconnected" && !event.bySelf) closeCodes.push(event.code);
        if (event.type === "resumed") resumes++;
        if (event.type === "ready") mode = event.mode;
        if (connection?.dave !== undefined) dave = connection.dave.protocolVersion > 0;
      },
    });
    dave = (connection.dave?.protocolVersion ?? 0) > 0;
    await work(connection, interrupted.signal);
  } catch (caught) {
    error = describe(caught);
    console.error(error);
  } finally {
    connection?.leave();
    process.removeListener("SIGINT", interrupt).removeListener("SIGTERM", interrupt);
  }
  console.log(JSON.stringify({ ...result, mode, dave, closeCodes, resumes, error: error ?? null }));
  const exitCode = error === undefined ? 0 : 1;
  // A server that never answers the close frame would keep the process alive.
  setTimeout(() => process.exit(exitCode), EXIT_DELAY).unref();
  return exitCode;
}

function readArguments<C extends Choices>(syntax: CallSyntax<C>): CallArguments<C> {
  const { options = [], check, positionals: count } = syntax;
  const choices = Object.entries(syntax.choices ?? {});
  const further = Object.fromEntries(
    [...options, ...choices.map(([name]) => name)].map((
      name,
    ) => [name, { type: "string" } as const]),
  );
  const { values, positionals } = parseArgs({
    options: { ...further, ...JOIN_OPTIONS },
    allowPositionals: true,
  });
  const given = values as Readonly<Record<string, string | undefined>>;
  const required = (name: string): string => {
    const value = given[name];
    if (value === undefined) throw new Error(`Cannot start: --${name} is missing`);
    return value;
  };
  if (positionals.length !== count) {
    throw new Error(`Cannot start: ${count} arguments are wanted, ${positionals.length} are given`);
  }
  if ((given.endpoint === undefined) === (given.url === undefined)) {
    throw new Error("Cannot start: either --endpoint or --url is wanted");
  }
  const furtherValues = Object.fromEntries(options.map((name) => [name, required(name)]));
  check?.(furtherValues);
  return {
    join: {
      guildId: required("server-id"),
      channelId: required("channel-id"),
      userId: required("user-id"),
      server: {
        endpoint: given.endpoint ?? required("url"),
        sessionId: required("session-id"),
        token: required("token"),
      },
      gatewayVersion: choose("gateway-version", given["gateway-version"], GATEWAY_VERSIONS),
      modes: given.modes?.split(",").map((mode) => choose("modes", mode, SEALING_MODES)!),
      discovery: choose("discovery", given.discovery, ["74", "70be", "70le"]),
      daveEncryption: choose("dave", given.dave, ["off", "on"]) !== "off",
    },
    values: furtherValues,
    choices: Object.fromEntries(
      choices.map(([name, values]) => [name, choose(name, given[name], values)]),
    ) as CallArguments<C>["choices"],
    positionals,
  };
}

/** The choice whose text is `value`; `undefined` where the option is not given. */
function choose<T extends string | number>(
  name: string,
  value: string | undefined,
  choices: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => String(candidate) === value);
  if (choice !== undefined) return choice;
  throw new Error(`Cannot use --${name} ${value}: it is one of ${choices.join(", ")}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "hint" in error ? `${error.message}. ${error.hint}` : error.message;
}
