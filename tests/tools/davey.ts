/**
 * What the tests and the benchmark use of `@snazzah/davey`.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";

/** End-to-end encryption of one user in one call. */
export interface DaveySession {
  readonly ready: boolean;
  readonly voicePrivacyCode: string;
  reinit(version: number, userId: string, channelId: string): void;
  reset(): void;
  setExternalSender(data: Buffer): void;
  getSerializedKeyPackage(): Buffer;
  processProposals(
    kind: number,
    body: Buffer,
    users?: readonly string[],
  ): { readonly commit?: Buffer; readonly welcome?: Buffer };
  processCommit(commit: Buffer): void;
  processWelcome(welcome: Buffer): void;
  encryptOpus(frame: Buffer): Buffer;
  decrypt(userId: string, mediaType: number, frame: Buffer): Buffer;
  canPassthrough(userId: string): boolean;
  setPassthroughMode(on: boolean, expiry: number): void;
  getEpochAuthenticator(): Buffer | null;
  getUserIds(): string[];
  getPairwiseFingerprint(version: number, userId: string): Promise<Buffer>;
  getVerificationCode(userId: string): Promise<string>;
}

/** `@snazzah/davey`. */
export interface Davey {
  readonly DAVESession: new (version: number, userId: string, channelId: string) => DaveySession;
}

/** Loads davey from where it was installed. */
export function loadDavey(folder: string): Davey {
  return createRequire(join(folder, "package.json"))("@snazzah/davey") as Davey;
}
