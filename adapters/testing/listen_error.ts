/**
 * One error text for a port that cannot be had, whatever the runtime calls it.
 *
 * @module
 */

/** The error for a listener that could not be opened on 127.0.0.1. */
export function listenError(protocol: "UDP" | "TCP", port: number, cause: unknown): Error {
  const { message } = cause as Error;
  const text = `Cannot listen on 127.0.0.1, ${protocol} port ${port}: ${message}`;
  return new Error(text, { cause });
}
