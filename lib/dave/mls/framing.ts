/**
 * PublicMessage (RFC 9420 section 6): proposals and commits as they are sent, signed, and those
 * of members also authenticated by the group.
 *
 * @module
 */

import { concat, EMPTY } from "./bytes.ts";
import { EMPTY_VECTOR, type Reader, u16, u32, u64, u8, vector } from "./codec.ts";
import { type Commit, encodeCommit, takeCommit } from "./commit_message.ts";
import { MlsError } from "./error.ts";
import { refHash, signWithLabel, verifyWithLabel } from "./labels.ts";
import { PROTOCOL_VERSION } from "./leaf_node.ts";
import { encodeProposal, type Proposal, takeProposal } from "./proposal.ts";
import type { MlsCrypto } from "./suite.ts";

/** Wire format of a PublicMessage. */
export const PUBLIC_MESSAGE = 1;

/** Who has sent a message. */
export interface Sender {
  /** Whether it is a member or an external sender of the group. */
  readonly kind: "member" | "external";
  /** Leaf of the member, or index among the external senders. */
  readonly index: number;
}

/** What a message says. */
export type Body =
  | { readonly type: "proposal"; readonly proposal: Proposal }
  | { readonly type: "commit"; readonly commit: Commit };

/** To which group and epoch a message belongs, and who has sent it. */
export interface Header {
  /** The group. */
  readonly groupId: Uint8Array;
  /** The epoch. */
  readonly epoch: bigint;
  /** Who has sent it. */
  readonly sender: Sender;
}

/** A message that only its sender's signature protects, no encryption. */
export interface PublicMessage extends Header {
  /** What it says. */
  readonly body: Body;
  /** The FramedContent: all that is signed. */
  readonly content: Uint8Array;
  /** Signature of the sender. */
  readonly signature: Uint8Array;
  /** Of a commit: what shows that all members come to the same epoch. */
  readonly confirmationTag: Uint8Array | undefined;
  /** Of a member's message: what shows that it comes from inside the group. */
  readonly membershipTag: Uint8Array | undefined;
}

const MEMBER = 1;
const EXTERNAL = 2;
const PROPOSAL = 2;
const COMMIT = 3;

/** Reads an MLSMessage that must be a PublicMessage. */
export function takePublicMessage(reader: Reader): PublicMessage {
  const version = reader.u16();
  const wireFormat = reader.u16();
  if (version !== PROTOCOL_VERSION || wireFormat !== PUBLIC_MESSAGE) {
    const found = `version ${version} and wire format ${wireFormat}`;
    throw new MlsError("unsupported", `Cannot read a message: ${found}, wanted 1 and 1`);
  }
  const start = reader.position;
  const header = { groupId: reader.vector(), epoch: reader.u64(), sender: takeSender(reader) };
  reader.vector();
  const body = takeBody(reader);
  const content = reader.since(start);
  const signature = reader.vector();
  const confirmationTag = body.type === "commit" ? reader.vector() : undefined;
  const membershipTag = header.sender.kind === "member" ? reader.vector() : undefined;
  return { ...header, body, content, signature, confirmationTag, membershipTag };
}

/** Bytes of a PublicMessage as an MLSMessage. */
export function encodePublicMessage(
  message: Pick<PublicMessage, "content" | "signature" | "confirmationTag" | "membershipTag">,
): Uint8Array {
  const { content, membershipTag } = message;
  const tag = membershipTag === undefined ? EMPTY : vector(membershipTag);
  return concat(u16(PROTOCOL_VERSION), u16(PUBLIC_MESSAGE), content, encodeAuth(message), tag);
}

/** Bytes of a FramedContent. */
export function encodeContent(header: Header, body: Body): Uint8Array {
  const { groupId, epoch, sender } = header;
  return concat(
    vector(groupId),
    u64(epoch),
    u8(sender.kind === "member" ? MEMBER : EXTERNAL),
    u32(sender.index),
    EMPTY_VECTOR,
    body.type === "proposal" ? u8(PROPOSAL) : u8(COMMIT),
    body.type === "proposal" ? encodeProposal(body.proposal) : encodeCommit(body.commit),
  );
}

/** Signs a FramedContent; a member signs the group's context with it. */
export function signContent(
  suite: MlsCrypto,
  privateKey: Uint8Array,
  content: Uint8Array,
  groupContext: Uint8Array,
): Uint8Array {
  return signWithLabel(suite, privateKey, "FramedContentTBS", signedBytes(content, groupContext));
}

/** Whether a message has its sender's signature. */
export function hasSignature(
  suite: MlsCrypto,
  publicKey: Uint8Array,
  message: PublicMessage,
  groupContext: Uint8Array,
): boolean {
  const context = message.sender.kind === "member" ? groupContext : EMPTY;
  const signed = signedBytes(message.content, context);
  return verifyWithLabel(suite, publicKey, "FramedContentTBS", signed, message.signature);
}

/** The membership tag of a member's message. */
export function tagMembership(
  suite: MlsCrypto,
  membershipKey: Uint8Array,
  message: Pick<PublicMessage, "content" | "signature" | "confirmationTag">,
  groupContext: Uint8Array,
): Uint8Array {
  const signed = signedBytes(message.content, groupContext);
  return suite.hmac(membershipKey, concat(signed, encodeAuth(message)));
}

/** The ProposalRef by which commits and revocations name a proposal. */
export function hashProposal(suite: MlsCrypto, message: PublicMessage): Uint8Array {
  const value = concat(u16(PUBLIC_MESSAGE), message.content, encodeAuth(message));
  return refHash(suite, "MLS 1.0 Proposal Reference", value);
}

function signedBytes(content: Uint8Array, groupContext: Uint8Array): Uint8Array {
  return concat(u16(PROTOCOL_VERSION), u16(PUBLIC_MESSAGE), content, groupContext);
}

function encodeAuth(
  message: Pick<PublicMessage, "signature" | "confirmationTag">,
): Uint8Array {
  const { signature, confirmationTag } = message;
  const tag = confirmationTag === undefined ? EMPTY : vector(confirmationTag);
  return concat(vector(signature), tag);
}

function takeSender(reader: Reader): Sender {
  const type = reader.u8();
  if (type !== MEMBER && type !== EXTERNAL) {
    throw new MlsError("unsupported", `Cannot read a message: its sender has type ${type}`);
  }
  return { kind: type === MEMBER ? "member" : "external", index: reader.u32() };
}

function takeBody(reader: Reader): Body {
  const type = reader.u8();
  if (type === PROPOSAL) return { type: "proposal", proposal: takeProposal(reader) };
  if (type === COMMIT) return { type: "commit", commit: takeCommit(reader) };
  throw new MlsError("unsupported", `Cannot read a message: its content has type ${type}`);
}
