/**
 * Finds the snapshot that a topic holds, and who its server is, before any of it is delivered: the epoch that a snapshot
 * opens is named in its head, and Debezium names the server only after it.
 */
import type { Lsn } from '#libs/change-event';
import {
  decodeRecord,
  messagePrefix,
  readMessage,
  type DebeziumRecord,
  type SourceMessage,
  type TopicRecord,
} from '#libs/debezium';
import { SourceChanged } from '../change-source.js';

export interface FoundSnapshot {
  /** Offsets of its first row, and of the first record after it; equal where the tables were empty. */
  readonly from: number;
  readonly to: number;
  /** Where it was taken. */
  readonly lsn: Lsn;
  /** Microseconds since 1970. */
  readonly takenAt: bigint;
  readonly server: SourceMessage;
}

export class SnapshotScan {
  private from: number | null = null;
  private to: number | null = null;
  private lsn: Lsn = 0;
  private takenAt: bigint | null = null;

  /** `cleaned`: what came before the first record was deleted from the topic. */
  constructor(private readonly cleaned: boolean) {}

  /** The snapshot, as soon as a message after it tells who the server is. @throws SourceChanged, UnreadableRecord */
  take(one: TopicRecord): FoundSnapshot | null {
    const record = decodeRecord(one);
    const { offset } = one;
    if (record.type === 'row' && record.snapshot) this.row(offset, record);
    else if (record.type !== 'other') this.streamed(offset, record);
    return record.type === 'message' && record.prefix === messagePrefix
      ? this.found(readMessage(record.content))
      : null;
  }

  /** Debezium marks the first row, but an only row as the last; so where the topic was cleaned, the mark must be there. */
  private row(offset: number, { snapshot, lsn, committedAt }: Extract<DebeziumRecord, { type: 'row' }>): void {
    this.to = null;
    if (this.from !== null && (this.lsn !== lsn || snapshot === 'first')) throw brokenOff(this.from, offset);
    if (this.from !== null) return;
    if (snapshot !== 'first' && this.cleaned)
      throw new SourceChanged('position-lost', `The topic begins inside of a snapshot, at offset ${offset}.`);
    [this.from, this.lsn, this.takenAt] = [offset, lsn, committedAt];
  }

  /** Streaming begins only after a snapshot. Without a row before it the tables were empty, at this very place. */
  private streamed(offset: number, record: DebeziumRecord): void {
    if (this.to !== null) return;
    this.to = offset;
    if (this.from !== null) return;
    if (this.cleaned)
      throw new SourceChanged('position-lost', `The topic holds no snapshot, it begins at offset ${offset}.`);
    this.from = offset;
    this.lsn = 'lsn' in record ? record.lsn : 0;
  }

  private found(server: SourceMessage): FoundSnapshot {
    const takenAt = this.takenAt ?? server.time;
    return { from: this.from!, to: this.to!, lsn: this.lsn, takenAt, server };
  }
}

/**
 * Connect that was killed inside of a snapshot takes another one with the slot that it has, whose point is an older one: what
 * was written between may be in both or in neither.
 */
const brokenOff = (from: number, offset: number): SourceChanged =>
  new SourceChanged(
    'snapshot-unfinished',
    `The snapshot at offset ${from} was broken off, and another one, at offset ${offset}, begun with an older slot: it does not fit what follows it.`,
  );
