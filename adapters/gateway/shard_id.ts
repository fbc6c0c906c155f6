/**
 * Which shard a guild is on.
 *
 * @module
 */

/**
 * Computes the shard of a guild, as Discord defines it.
 *
 * @param guildId Guild id, a decimal number.
 * @param count How many shards the bot has; anything but a positive integer counts as one.
 * @returns The shard's id.
 */
export function shardIdOf(guildId: string, count: unknown): number {
  const shards = Number.isSafeInteger(count) && count as number > 0 ? count as number : 1;
  return Number((BigInt(guildId) >> 22n) % BigInt(shards));
}
