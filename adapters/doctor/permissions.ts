/**
 * What Deno lets this program do. Asked for in advance, because Deno would otherwise ask the
 * person at the terminal, or fail in the words of whatever was tried.
 *
 * @module
 */

import { type Finding, notChecked } from "./finding.ts";
import type { Target } from "./target.ts";

/** The part of the `Deno` namespace that is used here. */
interface DenoPermissions {
  readonly permissions: {
    query(descriptor: { name: "net"; host?: string }): Promise<{ state: string }>;
  };
}

/**
 * Asks whether the network may be used.
 *
 * @param target Where to; without one, loopback.
 */
export async function checkPermissions(target: Target | undefined): Promise<Finding> {
  const { Deno } = globalThis as unknown as { Deno?: DenoPermissions };
  if (Deno === undefined) return notChecked("only Deno has permissions");
  const isGranted = async (host?: string): Promise<boolean> =>
    (await Deno.permissions.query({ name: "net", host })).state === "granted";
  if (await isGranted()) return { status: "ok", detail: "--allow-net is given" };
  const host = target === undefined ? "127.0.0.1" : addressOf(target);
  if (await isGranted(host)) {
    return {
      status: "warning",
      detail: `--allow-net is given for ${host}, not for all hosts`,
      advice: "Voice servers change their names and addresses: give --allow-net without hosts",
    };
  }
  return {
    status: "failed",
    detail: `--allow-net is missing for ${host}`,
    advice: "Run the program with --allow-net",
  };
}

function addressOf({ host, port }: Target): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
