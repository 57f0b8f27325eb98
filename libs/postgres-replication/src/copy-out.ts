import type pg from 'pg';
import type { Duplex } from 'node:stream';
import { BackPressure } from './back-pressure.js';
import { ChunkQueue, type ChunkLimits } from './chunk-queue.js';
import { parseCopiedRow, type CopiedRow } from './copied-row.js';

interface CopyConnection {
  readonly stream: Duplex;
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
  off(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
}

const CHUNKS_WAITING = 1;

/**
 * The rows of a query, as texts, in chunks, however many there are: the socket waits for the taker. Taken to the end, or
 * left together with its connection.
 */
export async function* copyOut(
  client: pg.Client,
  query: string,
  limits: ChunkLimits,
): AsyncGenerator<readonly CopiedRow[], void> {
  const connection = client.connection as unknown as CopyConnection;
  const pressure = new BackPressure(connection.stream, CHUNKS_WAITING * limits.bytes);
  const rows = new ChunkQueue<CopiedRow>(limits, pressure);
  // one row a message (Postgres manual, "COPY Operations")
  const take = ({ chunk }: { readonly chunk: Buffer }) =>
    rows.push(parseCopiedRow(chunk.toString('utf8')), chunk.length);
  connection.on('copyData', take);
  client.query(`COPY (${query}) TO STDOUT`).then(
    () => rows.end(),
    (error: Error) => rows.fail(error),
  );
  try {
    yield* rows;
  } finally {
    connection.off('copyData', take);
  }
}
