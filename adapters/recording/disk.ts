/**
 * Files that are written at places of one's choice, as many as there are, few of them open at a
 * time. One operation follows another, so that memory and open files have a bound whatever the
 * number of speakers.
 *
 * What lies between two places that were written reads as zeros, and takes no room on most file
 * systems.
 *
 * @module
 */

import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Most files that are open at a time. */
export const OPEN_FILE_LIMIT = 32;

/** The files of a recording. */
export class Disk {
  readonly #open = new Map<string, FileHandle>(); // the least recently used first
  #tail: Promise<unknown> = Promise.resolve();

  /** Files that are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Makes an empty file, and its folder; an older file is replaced.
   *
   * @throws What the file system says.
   */
  create(path: string): Promise<void> {
    return this.#queue(async () => {
      await mkdir(dirname(path), { recursive: true });
      await this.#use(path, "w+");
    });
  }

  /**
   * Writes all of `bytes`.
   *
   * @param path A file that `create` has made.
   * @param bytes What to write; it must stay as it is until then.
   * @param position Where in the file.
   * @throws What the file system says.
   */
  write(path: string, bytes: Uint8Array, position: number): Promise<void> {
    return this.#queue(async () => {
      const handle = await this.#use(path, "r+");
      for (let at = 0; at < bytes.length;) {
        at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    });
  }

  /**
   * Reads until `into` is full, or the file ends.
   *
   * @param path The file.
   * @param into Where to; what lies beyond the end of the file becomes 0.
   * @param position Where in the file.
   * @throws What the file system says.
   */
  read(path: string, into: Uint8Array, position: number): Promise<void> {
    return this.#queue(async () => {
      const handle = await this.#use(path, "r+");
      for (let at = 0; at < into.length;) {
        const { bytesRead } = await handle.read(into, at, into.length - at, position + at);
        if (bytesRead === 0) return void into.fill(0, at);
        at += bytesRead;
      }
    });
  }

  /**
   * Cuts a file off, or lengthens it with zeros.
   *
   * @throws What the file system says.
   */
  resize(path: string, size: number): Promise<void> {
    return this.#queue(async () => {
      const handle = await this.#use(path, "r+");
      await handle.truncate(size);
    });
  }

  /** Closes all files, once what was asked for is done; they can be opened again. */
  close(): Promise<void> {
    return this.#queue(async () => {
      const handles = [...this.#open.values()];
      this.#open.clear();
      await Promise.allSettled(handles.map((handle) => handle.close()));
    });
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  async #use(path: string, flags: "w+" | "r+"): Promise<FileHandle> {
    let handle = this.#open.get(path);
    this.#open.delete(path);
    if (flags === "w+") {
      await handle?.close();
      handle = undefined;
    }
    while (this.#open.size >= OPEN_FILE_LIMIT) {
      const [oldest, idle] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      await idle.close();
    }
    handle ??= await open(path, flags);
    this.#open.set(path, handle);
    return handle;
  }
}
