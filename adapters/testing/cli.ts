/**
 * The embedded voice server as a program:
 *
 *     deno task server [--port N] [--udp-port N] [--gateway-port N] [--token T] [--endpoint E]
 *       [--modes A,B] [--discovery 74|70be|70le] [--dave off|optional|required] [--fault RULE]
 *       [--log FILE]
 *
 * The first line it prints is JSON with the ports: `{"port":...,"udpPort":...,"gatewayPort":...}`.
 * A port of 0, the default, asks for a free one. It serves until SIGINT or SIGTERM and
 * ends with 0; bad arguments end it with 2, a port or a log file that cannot be had with 1.
 * `--modes` names the encryption modes that are offered, in this order, in place of all;
 * `--discovery` the form of IP discovery in which every request is answered, in place of its own.
 * `--dave` says whether calls are encrypted end to end: never, while all of their clients can do it
 * (the default), or always, so that who cannot is closed with 4017.
 * `--fault` may come several times: `Ready:lose`, `identify:close=4006`, or, for the first two only,
 * `VOICE_SERVER_UPDATE:late=500*2` (see `FaultRule` for the places and the faults).
 * `--log` appends one JSON line an event (see `ServerEvent`) with the time of day in `time`.
 *
 * @module
 */

import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";

import { endpointHost } from "../../lib/endpoint.ts";
import { demandChoice, demandChoices } from "../../lib/options.ts";
import { type EncryptionMode, SEALING_MODES } from "../../lib/packet.ts";
import { demandFaultRule } from "../../lib/testing/faults.ts";
import { DAVE_POLICIES, FORCED_DISCOVERIES } from "../../lib/testing/server_options.ts";
import {
  type DavePolicy,
  type FaultRule,
  type ForcedDiscovery,
  type RunningVoiceServer,
  type StartOptions,
  startVoiceServer,
} from "./mod.ts";

const USAGE =
  "Usage: server [--port N] [--udp-port N] [--gateway-port N] [--token T] [--endpoint E] " +
  "[--modes A,B] [--discovery 74|70be|70le] [--dave off|optional|required] [--fault RULE] " +
  "[--log FILE]";

type Arguments = StartOptions & { readonly log: string | undefined };

async function main(): Promise<void> {
  let options: Arguments;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
  let server: RunningVoiceServer | undefined;
  const stop = async () => {
    await server?.close();
    process.exit(0);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    server = await startVoiceServer({ ...options, onEvent: openLog(options.log) });
    const { port, udpPort, gatewayPort } = server;
    console.log(JSON.stringify({ port, udpPort, gatewayPort }));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

function readArguments(args: string[]): Arguments {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: {
      port: text,
      "udp-port": text,
      "gateway-port": text,
      token: text,
      endpoint: text,
      modes: text,
      discovery: text,
      dave: text,
      fault: { type: "string", multiple: true },
      log: text,
    },
  });
  if (values.endpoint !== undefined) endpointHost(values.endpoint);
  if (values.token === "") throw new RangeError("Cannot use --token: it is empty");
  return {
    port: readPort("--port", values.port),
    udpPort: readPort("--udp-port", values["udp-port"]),
    gatewayPort: readPort("--gateway-port", values["gateway-port"]),
    token: values.token,
    endpoint: values.endpoint,
    modes: readModes(values.modes),
    discovery: readDiscovery(values.discovery),
    dave: readDave(values.dave),
    faults: values.fault?.map(readFault),
    log: values.log,
  };
}

function readPort(name: string, value = "0"): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return Number(value);
  throw new RangeError(`Cannot use ${name} ${value}: a port is an integer of 0 to 65535`);
}

function readModes(list: string | undefined): EncryptionMode[] | undefined {
  const modes = list?.split(",");
  if (modes !== undefined) demandChoices("--modes", modes, SEALING_MODES);
  return modes as EncryptionMode[] | undefined;
}

function readDiscovery(form: string | undefined): ForcedDiscovery | undefined {
  if (form !== undefined) demandChoice("--discovery", form, FORCED_DISCOVERIES);
  return form;
}

function readDave(policy: string | undefined): DavePolicy | undefined {
  if (policy !== undefined) demandChoice("--dave", policy, DAVE_POLICIES);
  return policy;
}

function readFault(text: string): FaultRule {
  const parts = /^(\w+):(\w+)(?:=(\d+))?(?:\*(\d+))?$/.exec(text);
  if (parts === null) {
    throw new RangeError(
      `Cannot use --fault ${text}: it is ON:FAULT, ON:FAULT=N or ON:FAULT*TIMES`,
    );
  }
  const [, on, name, value, times] = parts;
  const fault = value === undefined ? name : { [name]: Number(value) };
  const rule = { on, fault, times: times === undefined ? undefined : Number(times) } as FaultRule;
  demandFaultRule(rule);
  return rule;
}

function openLog(path: string | undefined): StartOptions["onEvent"] {
  if (path === undefined) return undefined;
  const file = openSync(path, "a");
  return (event) => {
    const time = new Date().toISOString();
    writeSync(file, `${JSON.stringify({ time, ...event })}\n`);
  };
}

if (import.meta.main) await main();
