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
export const copyOut = (
  client: pg.Client,
  query: string,
  limits: ChunkLimits,
): AsyncGenerator<readonly CopiedRow[], void> =>
  copy(client, `COPY (${query}) TO STDOUT`, limits, (row) => parseCopiedRow(row.toString('utf8')));

/** The same as lines of CSV, nothing of which is looked at here: every value but NULL stands in quotes. */
export const copyOutCsv = (
  client: pg.Client,
  query: string,
  limits: ChunkLimits,
): AsyncGenerator<readonly Buffer[], void> =>
  copy(client, `COPY (${query}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)`, limits, (row) => Buffer.from(row));

/** `read`: of bytes that the connection writes over later. */
async function* copy<Row>(
  client: pg.Client,
  statement: string,
  limits: ChunkLimits,
  read: (row: Buffer) => Row,
): AsyncGenerator<readonly Row[], void> {
  const connection = client.connection as unknown as CopyConnection;
  const pressure = new BackPressure(connection.stream, CHUNKS_WAITING * limits.bytes);
  const rows = new ChunkQueue<Row>(limits, pressure);
  // one row a message (Postgres manual, "COPY Operations")
  const take = ({ chunk }: { readonly chunk: Buffer }) => rows.push(read(chunk), chunk.length);
  connection.on('copyData', take);
  client.query(statement).then(
    () => rows.end(),
    (error: Error) => rows.fail(error),
  );
  try {
    yield* rows;
  } finally {
    connection.off('copyData', take);
  }
}
