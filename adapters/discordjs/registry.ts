/**
 * The connections of this process, by group and guild: bots look them up instead of keeping them.
 *
 * @module
 */

import type { PlayingConnection } from "./connection_face.ts";

const DEFAULT_GROUP = "default";

const groups = new Map<string, Map<string, PlayingConnection>>([[DEFAULT_GROUP, new Map()]]);

/** All groups. */
export function allGroups(): Map<string, Map<string, PlayingConnection>> {
  return groups;
}

/** Keeps a connection, in the place of an earlier one. */
export function track(connection: PlayingConnection): void {
  const { group, guildId } = connection.joinConfig;
  const known = groups.get(group) ?? new Map();
  groups.set(group, known.set(guildId, connection));
}

/** Forgets a connection, where it is the one that is kept; a group that is empty goes too. */
export function untrack(connection: PlayingConnection): void {
  const { group, guildId } = connection.joinConfig;
  const known = groups.get(group);
  if (known?.get(guildId) !== connection) return;
  known.delete(guildId);
  if (known.size === 0 && group !== DEFAULT_GROUP) groups.delete(group);
}
