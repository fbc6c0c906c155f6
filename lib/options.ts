/**
 * Checks options whose values are few: what a caller without types gets wrong is said at
 * once, not when the value is needed.
 *
 * @module
 */

/** Longest time, in milliseconds, for which a runtime's timer can be set. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Demands that options are times.
 *
 * @param name Name of the options.
 * @param values Milliseconds by name.
 * @param names Which names there are.
 * @throws {RangeError} One has another name, is not above 0, or is too long for a timer.
 */
export function demandTimes(
  name: string,
  values: { readonly [key: string]: number | undefined },
  names: readonly string[],
): void {
  for (const [key, value = 1] of Object.entries(values)) {
    demandChoice(name, key, names);
    if (typeof value === "number" && value > 0 && value <= MAX_DELAY) continue;
    throw new RangeError(
      `Cannot use ${name}.${key} ${value}: it is above 0 and at most ${MAX_DELAY} milliseconds`,
    );
  }
}

/**
 * Demands that an option is one of its choices.
 *
 * @param name Name of the option.
 * @param value What it is.
 * @param choices What it may be.
 * @throws {RangeError} It is none of them.
 */
export function demandChoice<T>(
  name: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (choices.includes(value as T)) return;
  throw new RangeError(`Cannot use ${name} ${value}: it is one of ${choices.join(", ")}`);
}

/**
 * Demands that an option is a list of choices, and not empty.
 *
 * @param name Name of the option.
 * @param values What it is.
 * @param choices What each may be.
 * @throws {RangeError} There is none, or one that is none of the choices.
 */
export function demandChoices<T>(
  name: string,
  values: readonly unknown[],
  choices: readonly T[],
): asserts values is readonly T[] {
  if (values.length === 0) throw new RangeError(`Cannot use ${name}: the list is empty`);
  for (const value of values) demandChoice(name, value, choices);
}
