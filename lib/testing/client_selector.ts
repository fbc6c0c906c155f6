/**
 * Finds the sessions that a command means by ids.
 *
 * @module
 */

import { LocalProtocolError } from "../errors.ts";
import type { ClientSelector } from "./server_io.ts";
import type { ServerSession } from "./server_session.ts";

/**
 * Finds the sessions with given ids.
 *
 * @param sessions All sessions.
 * @param selector The ids.
 * @param action What is to be done with them, for the error: `close`.
 * @returns At least one session.
 * @throws {LocalProtocolError} There is none, or no id is given.
 */
export function selectSessions(
  sessions: readonly ServerSession[],
  selector: ClientSelector,
  action: string,
): ServerSession[] {
  const { userId, sessionId, guildId } = selector;
  const matches = (wanted: string | undefined, id: string) => wanted === undefined || wanted === id;
  const named = userId !== undefined || sessionId !== undefined || guildId !== undefined;
  const selected = sessions.filter((session) =>
    named && matches(userId, session.userId) && matches(sessionId, session.sessionId) &&
    matches(guildId, session.guildId)
  );
  if (selected.length > 0) return selected;
  const wanted = JSON.stringify({ userId, sessionId, guildId });
  throw new LocalProtocolError(`Cannot ${action} a client: none of the clients is ${wanted}`);
}
