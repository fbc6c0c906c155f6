/**
 * Transitions of a call that were announced and wait for their execution (op 22): until every
 * client that was told is ready (op 23), or for two seconds. They are executed in the order in
 * which they began, as a client must not go back to the keys of an older epoch.
 *
 * @module
 */

/** Milliseconds after which a transition is executed, ready or not. */
export const READY_PATIENCE = 2000;

/** Most transitions that wait; the oldest of more is executed at once. */
export const TRANSITION_LIMIT = 16;

const LAST_ID = 0xffff;

/** A transition of a call. */
export interface RoomTransition<Member> {
  /** Its id: 1 to 65535. */
  readonly id: number;
  /** Version of the call after it; 0 is no encryption. */
  readonly protocolVersion: number;
  /** Who was told. */
  readonly audience: Set<Member>;
  /** Who of them is not ready yet. */
  readonly waiting: Set<Member>;
  /** When it is executed at the latest. */
  readonly deadline: number;
}

/** The transitions of one call. */
export class RoomTransitions<Member> {
  #pending: RoomTransition<Member>[] = [];
  #lastId = 0;

  /** Whether the call is about to lose its encryption. */
  get downgrading(): boolean {
    return this.#pending.some(({ protocolVersion }) => protocolVersion === 0);
  }

  /**
   * A transition begins.
   *
   * @param protocolVersion Version of the call after it.
   * @param audience Who is told of it.
   * @param now Monotonic milliseconds.
   * @returns Its id; 0 is never one.
   */
  begin(protocolVersion: number, audience: Iterable<Member>, now: number): number {
    const id = this.#lastId = this.#lastId % LAST_ID + 1;
    this.#pending.push({
      id,
      protocolVersion,
      audience: new Set(audience),
      waiting: new Set(audience),
      deadline: now + READY_PATIENCE,
    });
    return id;
  }

  /**
   * A member is ready.
   *
   * @returns Whether the transition waits, and has been told to this member.
   */
  ready(id: number, member: Member): boolean {
    const transition = this.#pending.find((pending) => pending.id === id);
    transition?.waiting.delete(member);
    return transition?.audience.has(member) ?? false;
  }

  /** Nobody waits for a member any more, and what it knows of epochs is gone. */
  forget(member: Member): void {
    for (const { protocolVersion, audience, waiting } of this.#pending) {
      waiting.delete(member);
      if (protocolVersion > 0) audience.delete(member);
    }
  }

  /** There is no group any more into which a transition could lead; a downgrade stays. */
  dropEpochs(): void {
    this.#pending = this.#pending.filter(({ protocolVersion }) => protocolVersion === 0);
  }

  /** Takes the next transition that is to be executed now. */
  takeDue(now: number): RoomTransition<Member> | undefined {
    const [first] = this.#pending;
    if (first === undefined) return undefined;
    const due = first.waiting.size === 0 || first.deadline <= now ||
      this.#pending.length > TRANSITION_LIMIT;
    return due ? this.#pending.shift() : undefined;
  }

  /** When the next transition is executed at the latest. */
  next(): number | undefined {
    return this.#pending[0]?.deadline;
  }
}
