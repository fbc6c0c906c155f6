import { assertEquals } from "@std/assert";
import test from "node:test";
import type { KernelCiphers } from "../../../adapters/kernels/ciphers.ts";
import { areRight, kernelCiphers, loadKernels } from "../../../adapters/kernels/load.ts";
import type { Aead } from "../../../lib/aead.ts";

const ciphers = loadKernels()!;

/** The ciphers, one of them with a fault. */
function broken(
  name: "xchacha20poly1305" | "aes256gcm" | "aes128gcm",
  change: (aead: Aead) => Partial<Aead>,
): KernelCiphers {
  const make = (cipher: typeof name) => (key: Uint8Array) => {
    const aead = ciphers[cipher](key, () => {
      throw new Error("unneeded");
    });
    const methods: Aead = {
      seal: (...args) => aead.seal(...args),
      open: (...args) => aead.open(...args),
      erase: () => aead.erase?.(),
    };
    return cipher === name ? { ...methods, ...change(methods) } : methods;
  };
  return {
    xchacha20poly1305: make("xchacha20poly1305"),
    aes256gcm: make("aes256gcm"),
    aes128gcm: make("aes128gcm"),
    allocate: (size: number) => ciphers.allocate(size),
  } as unknown as KernelCiphers;
}

test("kernelCiphers() loads the kernels once on all three runtimes", () => {
  assertEquals(kernelCiphers() !== undefined, true);
  assertEquals(kernelCiphers(), kernelCiphers());
});

test("areRight() finds a cipher that seals or opens wrongly, or opens what was forged", () => {
  assertEquals(areRight(ciphers), true);
  for (const name of ["xchacha20poly1305", "aes256gcm", "aes128gcm"] as const) {
    assertEquals(areRight(broken(name, () => ({}))), true);
    const faults: ((aead: Aead) => Partial<Aead>)[] = [
      (aead) => ({
        seal(packet, aadSize, size, nonce) {
          aead.seal(packet, aadSize, size, nonce);
          packet[packet.length - 1]! ^= 1;
        },
        open: () => true,
      }),
      () => ({ open: () => false }),
      (aead) => ({
        open(...args) {
          aead.open(...args);
          return true;
        },
      }),
      (aead) => ({
        open(...args) {
          const isRight = aead.open(...args);
          args[4][200]! ^= isRight ? 1 : 0;
          return isRight;
        },
      }),
    ];
    for (const fault of faults) assertEquals(areRight(broken(name, fault)), false);
  }
});

/** Packets that are sealed and opened, consistently, as if the key were another one. */
function wrongWhere(
  name: "xchacha20poly1305" | "aes256gcm" | "aes128gcm",
  isWrong: (packet: Uint8Array, nonce: Uint8Array) => boolean,
): KernelCiphers {
  const other = ciphers[name](new Uint8Array(name === "aes128gcm" ? 16 : 32), () => {
    throw new Error("unneeded");
  });
  return broken(name, (aead) => ({
    seal(...args) {
      (isWrong(args[0], args[3]) ? other : aead).seal(...args);
    },
    open: (...args) => (isWrong(args[0], args[3]) ? other : aead).open(...args),
  }));
}

test("areRight() tries five nonces in a row and one far from them, each of which may be wrong", () => {
  const counters = new Set<number>();
  const counterOf = ({ buffer, byteOffset }: Uint8Array) =>
    new DataView(buffer, byteOffset).getUint32(0);
  areRight(wrongWhere("xchacha20poly1305", (_, nonce) => {
    counters.add(counterOf(nonce));
    return false;
  }));
  const offsets = [...counters].map((counter, _, all) => counter - all[0]!);
  assertEquals(offsets.slice(0, 5), [0, 1, 2, 3, 4]);
  assertEquals(offsets.length, 6);
  for (const counter of counters) {
    const isWrong = (_: Uint8Array, nonce: Uint8Array) => counterOf(nonce) === counter;
    assertEquals(areRight(wrongWhere("xchacha20poly1305", isWrong)), false);
  }
});

test("areRight() tries packets in the module's memory and elsewhere", () => {
  const { buffer } = ciphers.allocate(1);
  for (const name of ["xchacha20poly1305", "aes256gcm", "aes128gcm"] as const) {
    for (const isInside of [true, false]) {
      const isWrong = (packet: Uint8Array) => (packet.buffer === buffer) === isInside;
      assertEquals(areRight(wrongWhere(name, isWrong)), false, `${name} ${isInside}`);
    }
  }
});

test("loadKernels() finds none where there is no WebAssembly, or no SIMD", () => {
  const { WebAssembly } = globalThis;
  try {
    for (const missing of [undefined, { Module: refuse }]) {
      (globalThis as { WebAssembly: unknown }).WebAssembly = missing;
      assertEquals(loadKernels(), undefined);
    }
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
});

class refuse {
  constructor() {
    throw new WebAssembly.CompileError("unknown opcode");
  }
}
