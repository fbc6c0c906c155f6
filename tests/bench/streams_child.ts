/**
 * A program that is told what to do in lines, and answers each with a line of JSON.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";

/** A running program. It ends where its input ends, or is killed two seconds later. */
export class LineChild implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    this.#ended = once(child, "close");
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    child.stdin!.on("error", () => {}); // it has ended, as the next line tells
  }

  /**
   * Starts a program; what it writes to standard error is seen.
   *
   * @param name What it is called in errors.
   * @param command The executable and its arguments.
   * @param environment What its environment has besides this one's.
   */
  static start(
    name: string,
    [path, ...args]: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): LineChild {
    const env = { ...process.env, ...environment };
    return new LineChild(name, spawn(path!, args, { env, stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** Says a line that is not answered. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Says a line and waits for its answer. */
  async ask<T>(line: string): Promise<T> {
    this.tell(line);
    return await this.next();
  }

  /**
   * Waits for the next line.
   *
   * @throws {Error} The program has ended.
   */
  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`Cannot measure: ${this.#name} has ended, want an answer of it`);
    return JSON.parse(value) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    const limit = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#ended;
    clearTimeout(limit);
  }
}
