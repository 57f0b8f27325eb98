/**
 * The one statement that writes: a command's events, its idempotency key and its row, or none of them.
 *
 * Data-modifying CTEs run in no defined order, so each hangs on what the one before returns: first event → the others →
 * key → row. A racing equal request thus always meets the event or the key first, never the row, where it would look like
 * a duplicate.
 *
 * - The first event's (stream, version) is taken already: nothing is written, no row comes back, no error costs anything.
 * - A later one's is (possible only past the API, since versions have no gaps): a violation undoes everything.
 * - The row is gone, or has another version than the stream: the number of rows written divides, and 22012 undoes
 *   everything.
 */
import type { ConsistencyToken } from '#libs/consistency-token';
import type { PrismaClient } from '../generated/prisma/client.js';
import { prepare } from './connection.js';
import type { DomainEvent } from './decider.js';
import { RowOutOfStep, failureOf, isConflict, sqlErrorOf, violates, type SqlError } from './sql-error.js';
import { SOURCE, tokenOf, transactionColumns, type TokenColumns } from './stored-token.js';
import type { EventMetadata } from './stream-events.js';
import { streamId, type Row, type Table } from './table.js';

export interface AppendRequest {
  readonly table: Table;
  readonly key: readonly string[];
  /** The stream's version before; 0 where it has none. */
  readonly expectedVersion: number;
  /** At least one. */
  readonly events: readonly DomainEvent[];
  readonly metadata: EventMetadata;
  /** The row before and after, without key and version; null = absent. */
  readonly row: { readonly before: Row | null; readonly after: Row | null };
  readonly idempotency?: { readonly key: string; readonly request: string; readonly answer: string };
}

/**
 * Null: nothing was written, because another command took the version, or a request with the same key was answered. Read
 * and decide again.
 * @throws RowOutOfStep, Rejection, LockTimeout, StatementFailed, ConnectionLost
 */
export async function append(database: PrismaClient, request: AppendRequest): Promise<ConsistencyToken | null> {
  const { table, key, row, idempotency } = request;
  const operation = operationOf(row.before, row.after);
  const parameters: unknown[] = [
    streamId(table, key),
    request.expectedVersion,
    request.events.map(({ type }) => type),
    request.events.map(({ data }) => JSON.stringify(data)),
    JSON.stringify(request.metadata),
    idempotency?.key ?? null,
    idempotency?.request ?? null,
    idempotency?.answer ?? null,
  ];
  if (operation !== 'leave') parameters.push(rowJson(table, key, row.after));
  try {
    const [written] = await database.$queryRawUnsafe<TokenColumns[]>(statementOf(table, operation), ...parameters);
    return written ? tokenOf(written) : null;
  } catch (error) {
    const failure = sqlErrorOf(error);
    if (isLostRace(failure)) return null;
    throw isOutOfStep(failure, table) ? new RowOutOfStep(streamId(table, key)) : failureOf(failure);
  }
}

const isLostRace = (error: SqlError): boolean =>
  violates(error, 'idempotency_pkey') || violates(error, 'domain_events_pkey') || isConflict(error);

const isOutOfStep = (error: SqlError, table: Table): boolean =>
  error.sqlState === '22012' || violates(error, `${table.name}_pkey`);

type Operation = 'insert' | 'update' | 'delete' | 'leave';

function operationOf(before: Row | null, after: Row | null): Operation {
  if (after) return before ? 'update' : 'insert';
  return before ? 'delete' : 'leave';
}

const rowJson = (table: Table, key: readonly string[], row: Row | null): string =>
  JSON.stringify({ ...row, ...Object.fromEntries(table.key.map((column, i) => [column, key[i]])) });

/** The last event's are the token's, whoever asks for it later. */
const RECORDED = 'version, tx_id, lsn, occurred_at';

const statements = new WeakMap<Table, Map<Operation, string>>();

function statementOf(table: Table, operation: Operation): string {
  const known = statements.get(table) ?? new Map<Operation, string>();
  statements.set(table, known);
  const text = known.get(operation) ?? prepare(write(table, operation));
  known.set(operation, text);
  return text;
}

function write(table: Table, operation: Operation): string {
  const row = operation === 'leave' ? '' : `, written AS (${rowStatement(table, operation)} RETURNING 1)`;
  const guard = operation === 'leave' ? '' : `, 1 / (SELECT count(*) FROM written)::int AS rows`;
  return `WITH first AS (
    INSERT INTO domain_events (stream_id, version, type, data, metadata)
    VALUES ($1::text, $2::int + 1, ($3::text[])[1], ($4::jsonb[])[1], $5::jsonb)
    ON CONFLICT (stream_id, version) DO NOTHING RETURNING ${RECORDED}
  ), others AS (
    INSERT INTO domain_events (stream_id, version, type, data, metadata)
    SELECT $1::text, $2::int + e.n, e.type, e.data, $5::jsonb
    FROM first, unnest($3::text[], $4::jsonb[]) WITH ORDINALITY AS e (type, data, n) WHERE e.n > 1 ORDER BY e.n
    RETURNING ${RECORDED}
  ), recorded AS MATERIALIZED (
    SELECT * FROM (SELECT * FROM first UNION ALL SELECT * FROM others) AS e ORDER BY version DESC LIMIT 1
  ), kept AS (
    INSERT INTO internal.idempotency (key, request, outcome, answer, tx_id, lsn, issued_at)
    SELECT $6::uuid, $7::uuid, 'answered', $8::text, tx_id, lsn, occurred_at
    FROM recorded WHERE $6::uuid IS NOT NULL RETURNING key
  )${row}
  SELECT ${transactionColumns('tx_id', 'lsn', 'occurred_at')}, ${SOURCE}${guard} FROM recorded`;
}

/** The columns' types come from the table itself, by jsonb_populate_record. */
function rowStatement({ name, key, columns }: Table, operation: Operation): string {
  const values = `recorded LEFT JOIN kept ON true, jsonb_populate_record(NULL::${name}, $9::jsonb) AS given`;
  const given = (names: readonly string[]) => names.map((column) => `given.${column}`).join(', ');
  const same = `${key.map((column) => `t.${column} = given.${column}`).join(' AND ')} AND t.version = $2::int`;
  if (operation === 'insert')
    return `INSERT INTO ${name} (${[...key, ...columns].join(', ')}, version)
      SELECT ${given([...key, ...columns])}, recorded.version FROM ${values}`;
  if (operation === 'delete') return `DELETE FROM ${name} AS t USING ${values} WHERE ${same}`;
  const set = [...columns.map((column) => `${column} = given.${column}`), 'version = recorded.version'];
  return `UPDATE ${name} AS t SET ${set.join(', ')} FROM ${values} WHERE ${same}`;
}
