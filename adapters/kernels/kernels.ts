/**
 * The WebAssembly module of the ciphers and its memory. One instance serves the process: an
 * instance for each key would cost a page of memory and a place in the address space each.
 *
 * The memory never grows, so that no view of it is ever detached: what the kernels keep for
 * themselves, then buffers that are given away, a place for packets that come from elsewhere, and
 * a slot for each key. What is never touched takes no physical memory.
 *
 * @module
 */

import { KERNELS } from "./bytes.ts";

/** Bytes of a key's state. */
const SLOT_SIZE = 768;

/** Most keys at a time; whoever has more gets slower ciphers for them. */
const SLOT_COUNT = 8192;

/** Bytes that are given away as buffers. */
const BUFFERS_SIZE = 256 * 1024;

/** Most bytes of a packet from elsewhere, and of its additional data. */
const ELSEWHERE_SIZE = 64 * 1024;
const ELSEWHERE_AAD_SIZE = 1024;

/** Payloads of so many bytes are copied out by a view that is kept. */
const KEPT_VIEWS = 2048;

const PAGE_SIZE = 65_536;

/** What the module exports; see `source/`. Pointers are offsets into its memory. */
export interface KernelFunctions {
  /** Prepares a key of 32 bytes that stands at `slot`. */
  xchachaKey(slot: number): void;
  /** Encrypts in place and adds the tag. */
  xchachaSeal(slot: number, packet: number, aadSize: number, size: number): void;
  /** Checks the tag and decrypts; returns 1 where it is right. */
  xchachaOpen(slot: number, packet: number, aadSize: number, size: number, into: number): number;
  /** Prepares a key of 16 or 32 bytes that stands at `slot`. */
  gcmKey(slot: number, keySize: number): void;
  /** Encrypts in place and adds `tagSize` bytes of tag. */
  gcmSeal(slot: number, packet: number, aadSize: number, size: number, tagSize: number): void;
  /** Checks the tag and decrypts; returns 1 where it is right. */
  gcmOpen(
    slot: number,
    packet: number,
    aadSize: number,
    size: number,
    tagSize: number,
    into: number,
  ): number;
  /** Overwrites what the last call left of keys outside of their slots. */
  forget(): void;
}

interface KernelExports extends KernelFunctions {
  readonly memory: WebAssembly.Memory;
  readonly NONCE: WebAssembly.Global;
  readonly FREE: WebAssembly.Global;
}

/** The kernels. */
export class Kernels {
  /** What they do. */
  readonly functions: KernelFunctions;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #buffer: ArrayBuffer;
  readonly #nonce: number;
  readonly #elsewhere: number;
  readonly #slots: number;
  readonly #views: (Uint8Array | undefined)[] = new Array(KEPT_VIEWS);
  readonly #freeSlots: number[] = [];
  #slotCount = 0;
  #given: number;
  readonly #forgotten = new FinalizationRegistry((slot: number) => this.releaseSlot(slot));

  /** @throws {WebAssembly.CompileError} The runtime lacks SIMD. */
  constructor() {
    const bytes = Uint8Array.from(atob(KERNELS.replaceAll("\n", "")), (c) => c.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const { memory, NONCE, FREE } = exports as unknown as KernelExports;
    this.functions = exports as unknown as KernelFunctions;
    this.#nonce = NONCE.value;
    this.#given = align(FREE.value);
    this.#elsewhere = this.#given + BUFFERS_SIZE + ELSEWHERE_AAD_SIZE;
    this.#slots = this.#elsewhere + ELSEWHERE_SIZE;
    const end = this.#slots + SLOT_COUNT * SLOT_SIZE;
    memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE_SIZE));
    this.#buffer = memory.buffer as ArrayBuffer;
    this.#bytes = new Uint8Array(this.#buffer);
  }

  /** Gives a buffer away for good: in the module's memory while there is room. */
  allocate(size: number): Uint8Array<ArrayBuffer> {
    const at = this.#given;
    if (at + size > this.#elsewhere - ELSEWHERE_AAD_SIZE) return new Uint8Array(size);
    this.#given = align(at + size);
    return new Uint8Array(this.#buffer, at, size);
  }

  /**
   * Takes a slot for a key and writes the key there.
   *
   * @param owner When it is collected, the slot is free again.
   * @returns Where it is; `undefined` where there is none.
   */
  takeSlot(key: Uint8Array, owner: object): number | undefined {
    const slot = this.#freeSlots.pop() ??
      (this.#slotCount < SLOT_COUNT ? this.#slots + SLOT_SIZE * this.#slotCount++ : undefined);
    if (slot === undefined) return undefined;
    this.#bytes.set(key, slot);
    this.#forgotten.register(owner, slot, owner);
    return slot;
  }

  /** Overwrites a slot, and what was made of its key elsewhere; it is free for another key. */
  releaseSlot(slot: number, owner?: object): void {
    if (owner !== undefined) this.#forgotten.unregister(owner);
    this.#bytes.fill(0, slot, slot + SLOT_SIZE);
    this.functions.forget();
    this.#freeSlots.push(slot);
  }

  /** Hands the next call its nonce. */
  setNonce(nonce: Uint8Array, size: number): void {
    const bytes = this.#bytes;
    const at = this.#nonce;
    for (let i = 0; i < size; i++) bytes[at + i] = nonce[i]!;
  }

  /** Whether there is room for such a packet from elsewhere. */
  fits(aadSize: number, size: number): boolean {
    return aadSize <= ELSEWHERE_AAD_SIZE && size <= ELSEWHERE_SIZE;
  }

  /** Where `bytes` are, if they are in the module's memory; else -1. */
  find(bytes: Uint8Array): number {
    const { byteOffset } = bytes;
    // Engines make a buffer for a small array when it is asked for; those begin at 0, ours do not.
    return byteOffset > 0 && bytes.buffer === this.#buffer ? byteOffset : -1;
  }

  /**
   * Copies a packet in.
   *
   * @param packet It, perhaps with more behind it.
   * @param aadSize Bytes of additional data.
   * @param size Bytes of all.
   * @returns Where it is; its payload is at `payload`.
   */
  copyIn(packet: Uint8Array, aadSize: number, size: number): number {
    const at = this.#elsewhere - aadSize;
    // To copy what stands behind it too is cheaper than a view of what does not.
    const isShort = packet.length <= KEPT_VIEWS;
    this.#bytes.set(isShort ? packet : packet.subarray(0, size), at);
    return at;
  }

  /** Where the payload is of a packet that was copied in. */
  get payload(): number {
    return this.#elsewhere;
  }

  /** Copies a payload out. */
  copyOut(into: Uint8Array, at: number, size: number): void {
    let view = this.#views[size];
    if (view === undefined) {
      view = this.#bytes.subarray(this.#elsewhere, this.#elsewhere + size);
      if (size < KEPT_VIEWS) this.#views[size] = view;
    }
    into.set(view, at);
  }
}

function align(at: number): number {
  return (at + 63) & ~63;
}
