import { ConnectionLost } from '#libs/postgres-replication';
import type pg from 'pg';

/** A connection may be gone without a sign. */
const signOfLife = { text: 'SELECT', query_timeout: 30_000 };

/**
 * On a connection whose server ends it when it is silent: says that its process is there while others have nothing to say on
 * it, and tells when the connection, and the lock that it holds, are gone nevertheless.
 */
export class SignOfLife {
  private readonly gone = new AbortController();
  private said: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: pg.Client,
    private readonly intervalMs: number,
  ) {
    client.once('end', () => {
      this.gone.abort(new ConnectionLost('The server ended the connection that held the lock on the slot.'));
    });
  }

  /** Aborts with ConnectionLost. */
  get lost(): AbortSignal {
    return this.gone.signal;
  }

  /** Signs while `work` lasts, which may be long, and must not use the connection. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const timer = setInterval(() => void this.give().catch(() => {}), this.intervalMs);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await this.said;
    }
  }

  /** Resolves when the server has heard it: the lock is still held. @throws the connection's own errors */
  async give(): Promise<void> {
    const said = this.said.then(() => this.client.query(signOfLife));
    this.said = said.catch(() => {});
    await said;
  }
}
