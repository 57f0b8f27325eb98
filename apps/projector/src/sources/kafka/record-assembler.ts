import type { Lsn } from '#libs/change-event';
import type { DebeziumRecord, RowRecord, TextRecord } from '#libs/debezium';
import type { ChunkLimits, Pressure } from '#libs/postgres-replication';
import { SourceChanged } from '../change-source.js';
import { TransactionDelivery } from '../transaction-delivery.js';
import type { RecordChanges } from './record-changes.js';

/**
 * Records in, transactions out. A transaction is known by its xid, and identified and ordered by the LSN of its END.
 *
 * Connect that was killed goes on from the last offset that it stored, so it sends again: from inside a transaction (the
 * rest of it, and some of its rows twice, told by LSN, operation, table and key), or from further back (other transactions
 * come between; then the one under way comes again whole). What a topic can hold else, a second writer's records or a gap,
 * shows at an END: of a transaction whose BEGIN or whose rows did not come, or before one that was owed.
 */
export class RecordAssembler {
  private open: OpenTransaction | null = null;
  /** Of the last transaction that began. */
  private begun: string | null = null;
  /** The last END of any transaction, also of those that nothing is captured of. */
  private passed: Lsn;
  /** Of one that was cut off, and comes again before any that is later. */
  private owed: string | null = null;

  constructor(
    private readonly changes: RecordChanges,
    private readonly options: {
      readonly limits: ChunkLimits;
      readonly pressure: Pressure;
      readonly handOut: (transaction: TransactionDelivery) => void;
    },
    /** END of the last transaction that came whole. */
    private ended: Lsn,
  ) {
    this.passed = ended;
  }

  take(record: DebeziumRecord | TextRecord, offset: number, bytes: number): void {
    if (record.type === 'row' || record.type === 'texts') this.row(record, offset, bytes);
    else if (record.type === 'begin') this.begun = record.xid;
    else if (record.type === 'end') this.end(record.xid, record.lsn, offset);
  }

  /** What is under way cannot be finished. */
  cut(cause: Error): void {
    this.open?.delivery.cut(cause);
    this.open = null;
  }

  private row(record: RowRecord | TextRecord, offset: number, bytes: number): void {
    if (record.snapshot)
      throw new SourceChanged('slot-replaced', `The topic holds another snapshot, at offset ${offset}.`);
    if (this.open && this.open.xid !== record.xid) {
      this.owed = this.open.xid;
      this.cut(new Error('Connect sends again from further back.'));
    }
    if (!this.changes.isCaptured(record)) return;
    this.open ??= new OpenTransaction(record.xid, this.begun === record.xid, this.options);
    if (!this.open.isNew(record)) return;
    this.open.committedAt = record.committedAt;
    const { delivery } = this.open;
    delivery.push(this.changes.changeOf(record), bytes);
    if (delivery.changes.ready && !this.open.handedOut) this.hand(this.open);
  }

  private end(xid: string, lsn: Lsn, offset: number): void {
    const { open } = this;
    if (lsn > this.passed) this.refuseIncomplete(xid, offset);
    this.passed = Math.max(this.passed, lsn);
    if (!open || open.xid !== xid) return; // nothing of it is captured
    this.open = null;
    if (this.owed === xid) this.owed = null;
    if (lsn <= this.ended) return open.delivery.cut(new Error('It came before.'));
    this.ended = lsn;
    open.delivery.finish({ commitLsn: lsn, committedAt: open.committedAt, sourceOffset: offset + 1 });
    if (!open.handedOut) this.hand(open);
  }

  /** At the END of a transaction that did not end before. @throws SourceChanged */
  private refuseIncomplete(xid: string, offset: number): void {
    const why = this.incompleteness(xid);
    if (!why) return;
    throw new SourceChanged(
      'transaction-incomplete',
      `The topic holds what no single connector writes: at offset ${offset} ${why}.`,
    );
  }

  private incompleteness(xid: string): string | null {
    const { open, owed } = this;
    if (open?.xid === xid && !open.begun) return `transaction ${xid} ends, and never began`;
    if (open && open.xid !== xid) return `transaction ${xid} ends inside of ${open.xid}`;
    if (owed !== null && owed !== xid) return `transaction ${xid} ends, and ${owed} was broken off before it`;
    if (owed === xid && !open) return `transaction ${xid} ends, and was broken off before`;
    return null;
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
  /** What has come at the newest LSN; more than one where COPY, a changed key or TRUNCATE wrote several rows at one. */
  private first: Place | null = null;
  private names: Set<string> | null = null;

  constructor(
    readonly xid: string,
    /** Whether all of it can have come. */
    readonly begun: boolean,
    { limits, pressure }: { limits: ChunkLimits; pressure: Pressure },
  ) {
    this.delivery = new TransactionDelivery({ txId: xid }, limits, pressure);
  }

  /** LSNs rise inside a transaction. */
  isNew(record: Place): boolean {
    if (record.lsn < this.newest) return false;
    if (record.lsn > this.newest) {
      [this.newest, this.first, this.names] = [record.lsn, record, null];
      return true;
    }
    this.names ??= new Set(this.first ? [nameOf(this.first)] : []);
    const { size } = this.names;
    return this.names.add(nameOf(record)).size > size;
  }
}

type Place = Pick<RowRecord, 'lsn' | 'op' | 'table' | 'key'>;
const nameOf = ({ op, table, key }: Place): string => `${op} ${table} ${key}`;
