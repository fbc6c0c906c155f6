/**
 * Counts what a connection must give back: timers, sockets, listeners of a signal, files.
 *
 * @module
 */

import { existsSync, readdirSync } from "node:fs";
import process from "node:process";
import type { Transport } from "../../adapters/transport.ts";

/** Counts timers of the process that were set, have not fired and were not cleared. */
export class TimerWatch implements Disposable {
  readonly #real = { setTimeout, clearTimeout, setInterval, clearInterval };
  readonly #live = new Set<unknown>();

  /** From now on, until it is disposed. */
  constructor() {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = this.#real;
    const live = this.#live;
    globalThis.setTimeout = ((run: (...args: unknown[]) => void, ...rest: [number]) => {
      const timer = setTimeout((...args: unknown[]) => {
        live.delete(timer);
        run(...args);
      }, ...rest);
      live.add(timer);
      return timer;
    }) as typeof globalThis.setTimeout;
    globalThis.setInterval = ((run: () => void, ...rest: [number]) => {
      const timer = setInterval(run, ...rest);
      live.add(timer);
      return timer;
    }) as typeof globalThis.setInterval;
    globalThis.clearTimeout = ((timer) => {
      live.delete(timer);
      clearTimeout(timer);
    }) as typeof globalThis.clearTimeout;
    globalThis.clearInterval = ((timer) => {
      live.delete(timer);
      clearInterval(timer);
    }) as typeof globalThis.clearInterval;
  }

  /** How many there are. */
  get live(): number {
    return this.#live.size;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}

/** Counts the sockets that a transport has opened and that nobody has closed. */
export class SocketWatch {
  open = 0;
  opened = 0;

  /** The transport, watched. */
  watch(real: Transport): Transport {
    return {
      runtime: real.runtime,
      aead: real.aead,
      openWebSocket: (url, handlers) => {
        const done = this.#count();
        const close = (code: number, reason: string) => (done(), handlers.close(code, reason));
        const socket = real.openWebSocket(url, { ...handlers, close });
        return { send: (data) => socket.send(data), close: (code) => (done(), socket.close(code)) };
      },
      openDatagram: (remote, handlers) => {
        const done = this.#count();
        const close = (error: Error) => (done(), handlers.close(error));
        const socket = real.openDatagram(remote, { ...handlers, close });
        return {
          send: (datagram) => socket.send(datagram),
          get dropped() {
            return socket.dropped;
          },
          close: () => (done(), socket.close()),
        };
      },
    };
  }

  /** A socket counts as closed once, by whoever closes it. */
  #count(): () => void {
    this.opened++;
    this.open++;
    let closed = false;
    return () => {
      if (!closed) this.open--;
      closed = true;
    };
  }
}

/** A signal that counts who listens to it. */
export function watchedSignal(): {
  readonly signal: AbortSignal;
  readonly listeners: () => number;
} {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  return { signal, listeners: () => listeners };
}

const DESCRIPTORS = "/proc/self/fd";

/**
 * What the operating system and the runtime hold open for this process: file descriptors, where
 * there is `/proc`, and on Node and Deno the resources that keep an event loop alive (Bun tells
 * none), timers aside: a test runner has timers of its own.
 */
export function openResources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    if (name !== "Timeout" && name !== "Immediate") counts[name] = (counts[name] ?? 0) + 1;
  }
  if (existsSync(DESCRIPTORS)) counts.descriptors = readdirSync(DESCRIPTORS).length;
  return counts;
}
