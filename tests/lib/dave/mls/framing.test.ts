import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { encodeCommit, takeCommit } from "../../../../lib/dave/mls/commit_message.ts";
import { type Reader, takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { MlsError } from "../../../../lib/dave/mls/error.ts";
import {
  encodeContent,
  encodePublicMessage,
  hasSignature,
  signContent,
  tagMembership,
  takePublicMessage,
} from "../../../../lib/dave/mls/framing.ts";
import { encodeGroupContext } from "../../../../lib/dave/mls/key_schedule.ts";
import { encodeProposal, takeProposal } from "../../../../lib/dave/mls/proposal.ts";
import { RatchetTree } from "../../../../lib/dave/mls/ratchet_tree.ts";
import { hex, toHex } from "../../../tools/vectors.ts";
import { rfcCases, seededSuite } from "./vectors.ts";

const suite = seededSuite(4);

interface MessageProtection {
  readonly group_id: string;
  readonly epoch: number;
  readonly tree_hash: string;
  readonly confirmed_transcript_hash: string;
  readonly signature_priv: string;
  readonly signature_pub: string;
  readonly membership_key: string;
  readonly proposal_pub: string;
  readonly commit_pub: string;
}

test("PublicMessage agrees with RFC 9420's message protection vectors: the proposal", () => {
  const [vector, ...others] = rfcCases<MessageProtection>("message-protection");
  assertEquals(others, []);
  const context = encodeGroupContext({
    groupId: hex(vector!.group_id),
    epoch: BigInt(vector!.epoch),
    treeHash: hex(vector!.tree_hash),
    confirmedTranscriptHash: hex(vector!.confirmed_transcript_hash),
    extensions: [],
  });
  const [publicKey, privateKey] = [hex(vector!.signature_pub), hex(vector!.signature_priv)];
  const message = takeWhole(hex(vector!.proposal_pub), takePublicMessage);
  assertEquals(message.epoch, BigInt(vector!.epoch));
  assertEquals(message.body, { type: "proposal", proposal: { type: "remove", leafIndex: 2 } });
  assertEquals(toHex(encodePublicMessage(message)), vector!.proposal_pub);
  assert(hasSignature(suite, publicKey, message, context));
  assertEquals(hasSignature(suite, publicKey, message, context.slice(1)), false);
  const tag = tagMembership(suite, hex(vector!.membership_key), message, context);
  assertEquals(tag, message.membershipTag);
  const content = encodeContent(message, message.body);
  assertEquals(content, message.content);
  const signature = signContent(suite, privateKey, content, context);
  assert(hasSignature(suite, publicKey, { ...message, signature }, context));
});

test("PublicMessage refuses the commit of RFC 9420's message protection: it names a PSK", () => {
  const [vector] = rfcCases<MessageProtection>("message-protection");
  const take = () => takeWhole(hex(vector!.commit_pub), takePublicMessage);
  const error = assertThrows(take, MlsError, "Cannot read a proposal: its type is 4");
  assertEquals(error.code, "unsupported");
});

test("messages of RFC 9420 that the subset knows are read and written back bit for bit", () => {
  const messages = rfcCases<Readonly<Record<string, string>>>("messages");
  const round = (text: string, take: (reader: Reader) => Uint8Array) =>
    assertEquals(toHex(takeWhole(hex(text), take)), text);
  for (const vector of messages) {
    round(vector.ratchet_tree!, (reader) => RatchetTree.take(reader).encode());
    round(vector.commit!, (reader) => encodeCommit(takeCommit(reader)));
    round(
      vector.public_message_commit!,
      (reader) => encodePublicMessage(takePublicMessage(reader)),
    );
    const remove = `0003${vector.remove_proposal}`;
    round(remove, (reader) => encodeProposal(takeProposal(reader)));
  }
  assertEquals(messages.length, 3);
});

test("messages of RFC 9420 that the subset does not know are refused as unsupported", () => {
  for (const vector of rfcCases<Readonly<Record<string, string>>>("messages")) {
    const others = [
      ...["mls_welcome", "mls_group_info", "mls_key_package", "private_message"],
      "public_message_application",
    ];
    for (const name of others) {
      const take = () => takeWhole(hex(vector[name]!), takePublicMessage);
      assertEquals(assertThrows(take, MlsError).code, "unsupported", name);
    }
    const proposals = [
      ["0001", vector.add_proposal],
      ["0002", vector.update_proposal],
      ["0004", vector.pre_shared_key_proposal],
      ["0005", vector.re_init_proposal],
      ["0006", vector.external_init_proposal],
      ["0007", vector.group_context_extensions_proposal],
    ];
    for (const [type, body] of proposals) {
      const take = () => takeWhole(hex(`${type}${body}`), takeProposal);
      // The key packages are of other suites.
      assertEquals(assertThrows(take, MlsError).code, "unsupported", type);
    }
  }
});
