// Memory that all kernels share. Pointers are byte offsets into the module's memory.
//
// Nothing here branches on a secret or looks one up: sizes and nonces are public.

/** Bytes of an authentication tag. */
export const TAG_SIZE: i32 = 16;

/** Where the caller puts the nonce of the next call: 24 bytes at most. */
export const NONCE: usize = memory.data(32, 16);

/** Key stream that is about to be used: 256 bytes. */
export const KEY_STREAM: usize = memory.data(256, 16);

/** The tag that was computed last. */
export const TAG: usize = memory.data(16, 16);

/** A last block that is not whole, filled up with zeros. */
const LAST_BLOCK: usize = memory.data(16, 16);

/** Overwrites all of it. */
export function forgetScratch(): void {
  memory.fill(NONCE, 0, 32);
  memory.fill(KEY_STREAM, 0, 256);
  memory.fill(TAG, 0, 16);
  memory.fill(LAST_BLOCK, 0, 16);
}

/** Writes `from` xor `stream` to `into`, which may be the same place as `from`. */
export function xorBytes(from: usize, stream: usize, into: usize, size: i32): void {
  let done = 0;
  for (; done + 16 <= size; done += 16) {
    v128.store(into + done, v128.xor(v128.load(from + done), v128.load(stream + done)));
  }
  for (; done < size; done++) {
    store<u8>(into + done, load<u8>(from + done) ^ load<u8>(stream + done));
  }
}

/** Copies the last bytes of a message to a block of their own, filled up with zeros. */
export function padBlock(from: usize, size: i32): usize {
  v128.store(LAST_BLOCK, i64x2.splat(0));
  for (let i = 0; i < size; i++) store<u8>(LAST_BLOCK + i, load<u8>(from + i));
  return LAST_BLOCK;
}

/** Whether the first bytes of `TAG` are those at `tag`; all of them are looked at. */
export function isTag(tag: usize, size: i32): bool {
  let difference: i32 = 0;
  for (let i = 0; i < size; i++) {
    difference |= <i32> load<u8>(tag + i) ^ <i32> load<u8>(TAG + i);
  }
  return difference == 0;
}
