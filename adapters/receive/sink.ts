/**
 * A web stream of bounded length that something is put into; what its reader misses is counted.
 *
 * @module
 */

/** The end of a stream where things go in. */
export class Sink<T> {
  /** What was put in. */
  readonly stream: ReadableStream<T>;
  #controller!: ReadableStreamDefaultController<T>;
  #open = true;
  #dropped = 0;

  /**
   * Opens the stream.
   *
   * @param size Most things that wait for the reader.
   * @param cancelled Is called when the reader stops reading.
   */
  constructor(size: number, cancelled?: () => void) {
    this.stream = new ReadableStream<T>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#open = false;
        cancelled?.();
      },
    }, { highWaterMark: size });
  }

  /** Things that were dropped because nobody read them in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Puts something in.
   *
   * @returns Whether there was room.
   */
  push(item: T): boolean {
    if (!this.#open) return false;
    const room = (this.#controller.desiredSize ?? 0) > 0;
    if (room) this.#controller.enqueue(item);
    else this.#dropped++;
    return room;
  }

  /** Nothing more will come. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.close();
  }

  /** Nothing more can come. */
  fail(error: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.error(error);
  }
}
