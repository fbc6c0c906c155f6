/**
 * Transitions that were prepared and wait for their execution (op 22). Several can be on their
 * way; the oldest of too many is forgotten.
 *
 * @module
 */

/** Most transitions that wait; each sender's older keys are kept for as many. */
export const PENDING_LIMIT = 16;

/** What a transition leads to. */
export interface PendingTransition {
  /** Version of the call after it; 0 is no encryption. */
  readonly version: number;
  /** The epoch that it leads to, where it is one of our group. */
  readonly epoch: bigint | undefined;
  /** Base secret of our own frames in that epoch. */
  readonly secret: Uint8Array | undefined;
}

/** Transitions by their ids. */
export class PendingTransitions {
  readonly #transitions = new Map<number, PendingTransition>();

  /** How many wait. */
  get size(): number {
    return this.#transitions.size;
  }

  /**
   * A transition was prepared. Of one that is known only the version changes, unless an epoch
   * comes with it.
   *
   * @param id Its id.
   * @param transition What it leads to; the secret is taken over.
   */
  prepare(id: number, transition: PendingTransition): void {
    const known = this.#transitions.get(id);
    if (known !== undefined && transition.secret === undefined) {
      this.#transitions.set(id, { ...known, version: transition.version });
      return;
    }
    known?.secret?.fill(0);
    this.#transitions.delete(id);
    if (this.#transitions.size === PENDING_LIMIT) {
      this.#forget(this.#transitions.keys().next().value!);
    }
    this.#transitions.set(id, transition);
  }

  /**
   * A transition is executed, and waits no longer.
   *
   * @param id Its id.
   * @returns What it leads to, with the secret to erase; `undefined` where it is not known.
   */
  take(id: number): PendingTransition | undefined {
    const transition = this.#transitions.get(id);
    this.#transitions.delete(id);
    return transition;
  }

  /**
   * Forgets those that need the group; a downgrade stays.
   *
   * @param keepVersions Whether their versions hold: from then on no plaintext is sent.
   */
  dropEpochs(keepVersions: boolean): void {
    for (const [id, { version, secret }] of this.#transitions) {
      if (version === 0) continue;
      secret?.fill(0);
      if (keepVersions) this.#transitions.set(id, { version, epoch: undefined, secret: undefined });
      else this.#transitions.delete(id);
    }
  }

  /** All that wait, the oldest first. */
  all(): IterableIterator<[id: number, transition: PendingTransition]> {
    return this.#transitions.entries();
  }

  /** Forgets all. */
  clear(): void {
    for (const id of this.#transitions.keys()) this.#forget(id);
  }

  #forget(id: number): void {
    this.take(id)?.secret?.fill(0);
  }
}
