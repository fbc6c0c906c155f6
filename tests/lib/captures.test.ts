import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { nativeAead } from "../../adapters/native_aead.ts";
import { nobleCiphers, pureCiphers } from "../../lib/secretbox.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher } from "../../lib/packet.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../lib/rtp_header.ts";
import { bitFlips, hex, loadVectors, toHex } from "../tools/vectors.ts";

interface Capture {
  readonly name: string;
  readonly mode?: EncryptionMode;
  readonly key_hex?: string;
  readonly packet_hex: string;
  readonly plaintext_hex: string;
  readonly extension_hex?: string;
  readonly opus_hex: string;
  readonly nonce_suffix_hex?: string;
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

const { cases } = loadVectors<{ cases: Capture[] }>("discordjs_rtp_captures.json");
const withKey = cases.filter(({ key_hex }) => key_hex !== undefined);
const withoutKey = cases.filter(({ key_hex }) => key_hex === undefined);
const PROVIDERS = [["nobleCiphers", nobleCiphers], ["pureCiphers", pureCiphers], [
  "nativeAead",
  nativeAead,
]] as const;

function headerOf({ packet_hex }: Capture): RtpHeader {
  const header = new RtpHeader();
  assertEquals(parseRtpHeader(hex(packet_hex), header), undefined);
  return header;
}

test("the captures are all here: two with their key, three without", () => {
  const names = (captures: readonly Capture[]) => captures.map(({ name }) => name);
  assertEquals(names(withKey), ["XCHACHA20_SAMPLE", "AES256GCM_SAMPLE"]);
  assertEquals(names(withoutKey), [
    "RTP_PACKET_DESKTOP",
    "RTP_PACKET_CHROME",
    "RTP_PACKET_ANDROID",
  ]);
});

for (const capture of cases) {
  test(`parseRtpHeader() reads the capture ${capture.name}`, () => {
    const { ssrc, sequence, timestamp, payloadType, padding, marker } = headerOf(capture);
    assertEquals(
      { ssrc, sequence, timestamp },
      { ssrc: capture.ssrc, sequence: capture.sequence, timestamp: capture.timestamp },
    );
    assertEquals([payloadType, padding, marker], [120, false, false]);
  });
}

for (const capture of withKey) {
  const { name, mode, key_hex, nonce_suffix_hex: nonce } = capture;
  const packet = hex(capture.packet_hex);

  for (const [provider, aead] of PROVIDERS) {
    const newCipher = () =>
      new PacketCipher(mode!, hex(key_hex!), aead, new NonceCounter(readU32(hex(nonce!), 0)));

    test(`PacketCipher opens the capture ${name}, ${provider}`, () => {
      const header = headerOf(capture);
      const cipher = newCipher();
      const into = new Uint8Array(packet.length);
      const size = cipher.open(packet, header.clearSize, into);
      assertEquals(toHex(into.subarray(0, size)), capture.plaintext_hex);
      assertEquals(toHex(cipher.openedNonce.subarray(0, 4)), nonce);
      const body = into.subarray(0, 4 * header.extensionWords);
      assertEquals(toHex(body), capture.extension_hex);
      const opusSize = cipher.openRtp(packet, header, into);
      assertEquals(toHex(into.subarray(0, opusSize)), capture.opus_hex);
    });

    test(`PacketCipher seals the capture ${name} again, byte for byte, ${provider}`, () => {
      const { clearSize } = headerOf(capture);
      const plain = hex(capture.plaintext_hex);
      const again = new Uint8Array(packet.length);
      again.set(packet.subarray(0, clearSize));
      again.set(plain, clearSize);
      assertEquals(newCipher().seal(again, clearSize, plain.length), packet.length);
      assertEquals(toHex(again), capture.packet_hex);
    });

    test(`PacketCipher rejects every flipped bit of the capture ${name}, ${provider}`, () => {
      const cipher = newCipher();
      const header = new RtpHeader();
      const into = new Uint8Array(packet.length);
      for (const [bit, flipped] of bitFlips(packet).entries()) {
        const rejected = parseRtpHeader(flipped, header) !== undefined ||
          cipher.openRtp(flipped, header, into) === -1;
        assert(rejected, `bit ${bit}`);
      }
    });
  }
}

// What was published of these is the plaintext: it stands behind the clear header, unencrypted.
for (const capture of withoutKey) {
  test(`PacketCipher takes the extension off the published plaintext of ${capture.name}`, () => {
    const header = headerOf(capture);
    const clear = capture.packet_hex.slice(0, 2 * header.clearSize);
    const opened = hex(clear + capture.plaintext_hex);
    const cipher = new PacketCipher("plain", new Uint8Array(32), nobleCiphers);
    const into = new Uint8Array(opened.length);
    const size = cipher.openRtp(opened, header, into);
    assertEquals(toHex(into.subarray(0, size)), capture.opus_hex);
    assertEquals(capture.plaintext_hex.length / 2 - size, 4 * header.extensionWords);
    assertEquals(header.extension, capture.name !== "RTP_PACKET_CHROME");
  });
}
