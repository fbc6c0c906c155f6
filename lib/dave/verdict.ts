/**
 * Which unusable message is ignored, and which one means that we have lost the group. As in
 * libdave: a commit of another group, or where nothing was proposed to us, is not meant for us.
 *
 * @module
 */

import type { MlsErrorCode } from "./mls/mod.ts";

/** What to do about an unusable message: nothing, or to join anew. */
export type Verdict = "ignored" | "failed";

/**
 * Judges a commit (op 29).
 *
 * @param code Why it cannot be used.
 * @param sawProposals Whether anything was proposed in this epoch.
 */
export function judgeCommit(code: MlsErrorCode, sawProposals: boolean): Verdict {
  if (code === "malformed" || code === "unsupported") return "failed";
  if (code === "wrong-group" || code === "not-established") return "ignored";
  return sawProposals ? "failed" : "ignored";
}

/**
 * Judges a welcome (op 30). Where we are in the group already, it would only harm.
 *
 * @param code Why it cannot be used.
 */
export function judgeWelcome(code: MlsErrorCode): Verdict {
  return code === "established" ? "ignored" : "failed";
}
