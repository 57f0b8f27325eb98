import { formatLsn, type ChangeEvent, type SourceEpoch, type Transaction } from '#libs/change-event';
import type { TopicRecord } from '#libs/debezium';
import { TransactionCut } from '../transaction-delivery.js';
import type { Change } from '../row-changes.js';
import { readRecord } from './read-record.js';
import type { RecordChanges } from './record-changes.js';
import type { TopicReader } from './topic-reader.js';
import type { FoundSnapshot } from './topic-scan.js';

/** A transaction has an xid; a snapshot has none. */
const noXid = '0';

export interface SnapshotSource {
  readonly reader: TopicReader;
  readonly changes: RecordChanges;
  readonly tables: readonly string[];
  readonly topic: string;
  readonly signal: AbortSignal;
}

export function epochOf({ server, lsn, from }: FoundSnapshot, { topic, tables }: SnapshotSource): SourceEpoch {
  const { systemIdentifier, timeline, database, databaseOid } = server;
  return {
    ...{ system_identifier: systemIdentifier, timeline, database, adapter: 'kafka' },
    identity: `${databaseOid}/${topic}@${from}`,
    consistent_point: formatLsn(lsn),
    tables: [...tables].sort(),
  };
}

/** The snapshot's rows as the transaction that opens an epoch: of each captured table a truncate, then its rows. */
export function snapshotOf(found: FoundSnapshot, epoch: SourceEpoch, source: SnapshotSource): Transaction {
  const ending = Promise.withResolvers<{ commitLsn: number; committedAt: bigint; sourceOffset: number }>();
  ending.promise.catch(() => {}); // who takes the changes meets the same error there
  const end = { commitLsn: found.lsn, committedAt: found.takenAt, sourceOffset: found.to };
  const chunks = async function* (): AsyncGenerator<readonly ChangeEvent[]> {
    try {
      let ordinal = 0;
      for await (const changes of tableByTable(found, source))
        yield changes.map((change) => ({ ordinal: ordinal++, ...change }));
      ending.resolve(end);
    } catch (error) {
      const cut = new TransactionCut(noXid, error);
      ending.reject(cut);
      throw cut;
    }
  };
  return { header: { txId: noXid, opens: epoch }, changes: chunks(), end: ending.promise };
}

/** Debezium reads table by table; those without a row it does not mention. */
async function* tableByTable(found: FoundSnapshot, source: SnapshotSource): AsyncGenerator<Change[]> {
  const left = new Set(source.tables);
  const truncate = (table: string): Change => ({ table, op: 't', key: null, before: null, after: null });
  for await (const rows of rowsOf(found, source)) {
    const changes: Change[] = [];
    for (const row of rows) {
      if (left.delete(row.table)) changes.push(truncate(row.table));
      changes.push(row);
    }
    yield* chunked(changes);
  }
  if (left.size > 0) yield [...left].map(truncate);
}

async function* rowsOf({ from, to }: FoundSnapshot, { reader, changes, signal, topic }: SnapshotSource) {
  if (from === to) return;
  for (reader.seek(from); ;) {
    const records = await reader.next(signal);
    const rows: Change[] = [];
    for (const one of records) {
      if (one.offset >= to) break;
      const change = readRecord(topic, one, () => capturedChange(one, changes));
      if (change) rows.push(change);
    }
    yield rows;
    if (records.at(-1)!.offset >= to - 1) return;
  }
}

function capturedChange(one: TopicRecord, changes: RecordChanges): Change | null {
  const record = changes.read(one);
  const isRow = record.type === 'row' || record.type === 'texts';
  return isRow && changes.isCaptured(record) ? changes.changeOf(record) : null;
}

const largestChunk = 1000;

function* chunked(changes: readonly Change[]): Generator<Change[]> {
  for (let at = 0; at < changes.length; at += largestChunk) yield changes.slice(at, at + largestChunk);
}
