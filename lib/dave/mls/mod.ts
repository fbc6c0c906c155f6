/**
 * The subset of MLS (RFC 9420) that DAVE needs, without input and output and without waiting:
 * cipher suite 2, public messages, proposals of one external sender, commits by reference.
 *
 * @module
 */

export { MlsError, type MlsErrorCode } from "./error.ts";
export {
  encodeAppend,
  encodeRevoke,
  ExternalSender,
  type SentProposal,
} from "./external_sender.ts";
export {
  type CommitAndWelcome,
  type CommitOutcome,
  MlsMember,
  type MlsMemberOptions,
  type RosterEntry,
} from "./member.ts";
export { type MlsCrypto, nobleMlsCrypto, validPrivateKey } from "./suite.ts";
