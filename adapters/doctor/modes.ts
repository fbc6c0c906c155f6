/**
 * Which encryption modes there are, and whether native or pure code does the work.
 *
 * @module
 */

import type { AeadFactory, AeadProvider } from "../../lib/aead.ts";
import { ENCRYPTION_MODES, KEY_SIZE, PacketCipher, SEALING_MODES } from "../../lib/packet.ts";
import { nobleCiphers, nobleSecretbox, pureCiphers } from "../../lib/secretbox.ts";
import type { EncryptionMode } from "../../lib/packet.ts";
import type { Finding } from "./finding.ts";

/**
 * Looks at what does the work in each mode.
 *
 * @param provider The ciphers of the runtime.
 */
export function checkModes(provider: AeadProvider): Finding {
  const native = SEALING_MODES.filter((mode) => isNative(provider, mode));
  const pure = SEALING_MODES.filter((mode) => !native.includes(mode));
  const detail = [["native", native], ["pure", pure]]
    .filter(([, modes]) => modes.length > 0)
    .map(([name, modes]) => `${name}: ${(modes as string[]).join(", ")}`)
    .join("; ");
  if (native.includes(ENCRYPTION_MODES[0])) return { status: "ok", detail };
  return {
    status: "warning",
    detail,
    advice: `${ENCRYPTION_MODES[0]} is done by pure code, which is several times slower`,
  };
}

/** Watches which cipher of the provider a mode takes, and whether it is the pure one. */
function isNative(provider: AeadProvider, mode: EncryptionMode): boolean {
  let native = false;
  const watch = (name: "aes256gcm" | "xchacha20poly1305" | "xsalsa20poly1305"): AeadFactory => {
    const { [name]: given = nobleSecretbox } = provider;
    return (key) => {
      native = given !== pureCiphers[name] && given !== nobleCiphers[name];
      return pureCiphers[name](key);
    };
  };
  new PacketCipher(mode, new Uint8Array(KEY_SIZE), {
    aes256gcm: watch("aes256gcm"),
    xchacha20poly1305: watch("xchacha20poly1305"),
    xsalsa20poly1305: watch("xsalsa20poly1305"),
  });
  return native;
}
