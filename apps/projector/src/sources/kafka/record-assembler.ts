import type { Lsn } from '#libs/change-event';
import type { DebeziumRecord, RowRecord } from '#libs/debezium';
import type { ChunkLimits, Pressure } from '#libs/postgres-replication';
import { SourceChanged } from '../change-source.js';
import { TransactionDelivery } from '../transaction-delivery.js';
import type { RecordChanges } from './record-changes.js';

/**
 * Records in, transactions out. A transaction is known by its xid, and identified and ordered by the LSN of its END.
 *
 * Connect that was killed goes on from the last offset that it stored, so it sends again: from inside a transaction (the
 * rest of it, and some of its rows twice, told by LSN, operation, table and key), or from further back (other transactions
 * come between; then the one under way comes again whole).
 */
export class RecordAssembler {
  private open: OpenTransaction | null = null;

  constructor(
    private readonly changes: RecordChanges,
    private readonly options: {
      readonly limits: ChunkLimits;
      readonly pressure: Pressure;
      readonly handOut: (transaction: TransactionDelivery) => void;
    },
    /** END of the last transaction that came whole. */
    private ended: Lsn,
  ) {}

  take(record: DebeziumRecord, offset: number, bytes: number): void {
    if (record.type === 'row') this.row(record, offset, bytes);
    else if (record.type === 'end') this.end(record.xid, record.lsn, offset);
  }

  /** What is under way cannot be finished. */
  cut(cause: Error): void {
    this.open?.delivery.cut(cause);
    this.open = null;
  }

  private row(record: RowRecord, offset: number, bytes: number): void {
    if (record.snapshot)
      throw new SourceChanged('slot-replaced', `The topic holds another snapshot, at offset ${offset}.`);
    if (this.open && this.open.xid !== record.xid) this.cut(new Error('Connect sends again from further back.'));
    if (!this.changes.isCaptured(record)) return;
    this.open ??= new OpenTransaction(record.xid, this.options.limits, this.options.pressure);
    if (!this.open.isNew(record)) return;
    this.open.committedAt = record.committedAt;
    const { delivery } = this.open;
    delivery.push(this.changes.changeOf(record), bytes);
    if (delivery.changes.ready && !this.open.handedOut) this.hand(this.open);
  }

  private end(xid: string, lsn: Lsn, offset: number): void {
    const { open } = this;
    if (!open || open.xid !== xid) return; // nothing of it is captured
    this.open = null;
    if (lsn <= this.ended) return open.delivery.cut(new Error('It came before.'));
    this.ended = lsn;
    open.delivery.finish({ commitLsn: lsn, committedAt: open.committedAt, sourceOffset: offset + 1 });
    if (!open.handedOut) this.hand(open);
  }

  private hand(open: OpenTransaction): void {
    open.handedOut = true;
    this.options.handOut(open.delivery);
  }
}

class OpenTransaction {
  readonly delivery: TransactionDelivery;
  handedOut = false;
  committedAt = 0n;
  private newest = 0;
  /** What has come at the newest LSN: COPY, a changed key and TRUNCATE write several rows at one. */
  private atNewest = new Set<string>();

  constructor(
    readonly xid: string,
    limits: ChunkLimits,
    pressure: Pressure,
  ) {
    this.delivery = new TransactionDelivery({ txId: xid }, limits, pressure);
  }

  /** LSNs rise inside a transaction. */
  isNew({ lsn, op, table, key }: RowRecord): boolean {
    if (lsn < this.newest) return false;
    if (lsn > this.newest) [this.newest, this.atNewest] = [lsn, new Set()];
    const name = `${op} ${table} ${key}`;
    if (this.atNewest.has(name)) return false;
    this.atNewest.add(name);
    return true;
  }
}
