import { assert, assertEquals, assertNotEquals } from "@std/assert";
import test from "node:test";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { takePublicMessage } from "../../../../lib/dave/mls/framing.ts";
import {
  confirmTranscript,
  deriveEpochSecret,
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeKey,
  encodeGroupContext,
  eraseEpochSecrets,
  exportSecrets,
  interimTranscript,
} from "../../../../lib/dave/mls/key_schedule.ts";
import { expandWithLabel } from "../../../../lib/dave/mls/labels.ts";
import { hex, toHex } from "../../../tools/vectors.ts";
import { rfcCases, seededSuite } from "./vectors.ts";

interface EpochVector {
  readonly commit_secret: string;
  readonly psk_secret: string;
  readonly tree_hash: string;
  readonly confirmed_transcript_hash: string;
  readonly group_context: string;
  readonly joiner_secret: string;
  readonly welcome_secret: string;
  readonly init_secret: string;
  readonly confirmation_key: string;
  readonly membership_key: string;
  readonly exporter_secret: string;
  readonly epoch_authenticator: string;
  readonly exporter: {
    readonly label: string;
    readonly context: string;
    readonly length: number;
    readonly secret: string;
  };
}

interface KeySchedule {
  readonly group_id: string;
  readonly initial_init_secret: string;
  readonly epochs: readonly EpochVector[];
}

const suite = seededSuite(3);

test("the key schedule agrees with RFC 9420's vectors, all epochs of its one case", () => {
  const [schedule, ...others] = rfcCases<KeySchedule>("key-schedule");
  assertEquals(others, []);
  let initSecret = hex(schedule!.initial_init_secret);
  for (const [index, vector] of schedule!.epochs.entries()) {
    const context = encodeGroupContext({
      groupId: hex(schedule!.group_id),
      epoch: BigInt(index),
      treeHash: hex(vector.tree_hash),
      confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
      extensions: [],
    });
    assertEquals(toHex(context), vector.group_context);
    const psk = hex(vector.psk_secret);
    const joiner = deriveJoinerSecret(suite, initSecret, hex(vector.commit_secret), context);
    assertEquals(toHex(joiner), vector.joiner_secret);
    checkWelcomeKey(vector, joiner, psk);
    const epochSecret = deriveEpochSecret(suite, joiner, context, psk);
    const secrets = deriveEpochSecrets(suite, epochSecret);
    assert(epochSecret.every((byte) => byte === 0));
    assertEquals(toHex(secrets.initSecret), vector.init_secret);
    assertEquals(toHex(secrets.confirmationKey), vector.confirmation_key);
    assertEquals(toHex(secrets.membershipKey), vector.membership_key);
    assertEquals(toHex(secrets.exporterSecret), vector.exporter_secret);
    assertEquals(toHex(secrets.epochAuthenticator), vector.epoch_authenticator);
    const { label, context: bound, length, secret } = vector.exporter;
    const contexts = [hex(bound), hex(`${bound}00`), hex(bound)];
    const exported = exportSecrets(suite, secrets.exporterSecret, label, contexts, length);
    const [first, other, again] = exported.map(toHex);
    assertEquals([first, again], [secret, secret]);
    assertNotEquals(other, secret);
    initSecret = secrets.initSecret.slice();
    eraseEpochSecrets(secrets);
    for (const value of Object.values(secrets)) assert(value.every((byte: number) => byte === 0));
  }
  assertEquals(schedule!.epochs.length, 5);
});

function checkWelcomeKey(vector: EpochVector, joiner: Uint8Array, psk: Uint8Array): void {
  const secret = hex(vector.welcome_secret);
  const derive = (label: string, size: number) =>
    expandWithLabel(suite, secret, label, new Uint8Array(0), size);
  const wanted = { key: derive("key", 16), nonce: derive("nonce", 12) };
  assertEquals(deriveWelcomeKey(suite, joiner, psk), wanted);
}

interface Transcript {
  readonly confirmation_key: string;
  readonly authenticated_content: string;
  readonly interim_transcript_hash_before: string;
  readonly confirmed_transcript_hash_after: string;
  readonly interim_transcript_hash_after: string;
}

test("transcript hashes and confirmation tag agree with RFC 9420's vectors, one case", () => {
  const [vector, ...others] = rfcCases<Transcript>("transcript-hashes");
  assertEquals(others, []);
  // An AuthenticatedContent is an MLSMessage without its version and membership tag.
  const message = takeWhole(
    hex(`0001${vector!.authenticated_content}00`),
    takePublicMessage,
  );
  const before = hex(vector!.interim_transcript_hash_before);
  const { content, signature, confirmationTag } = message;
  const confirmed = confirmTranscript(suite, before, 1, content, signature);
  assertEquals(toHex(confirmed), vector!.confirmed_transcript_hash_after);
  const interim = interimTranscript(suite, confirmed, confirmationTag!);
  assertEquals(toHex(interim), vector!.interim_transcript_hash_after);
  const tag = suite.hmac(hex(vector!.confirmation_key), confirmed);
  assertEquals(tag, confirmationTag);
});
