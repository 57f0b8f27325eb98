/** A file of the changelog while it fills: its columns, and what its commit will say of it. */
import type { ChangeEvent } from '#libs/change-event';
import { statsOf, type AddFile } from '#libs/delta-log';
import { changelog, changelogTags } from '#libs/lake';
import type { Attribution } from './attribution.js';
import { sizeOf } from './change-size.js';
import { parquetFile } from './parquet/parquet-file.js';
import { PlainColumn } from './parquet/plain-column.js';
import { RunColumn } from './parquet/run-column.js';

/** What a transaction gives each of its rows. */
export interface TransactionStamp {
  readonly txPosition: number;
  readonly txId: string;
  readonly commitLsn: number;
  readonly committedAt: bigint;
  readonly effectiveAt: bigint;
}

/** Bytes of pages that may wait for their compression, beyond those that are being filled. */
const compressionBudget = 4 << 20;

export class ChangelogFile {
  private readonly columns = {
    ...{ position: new PlainColumn(false), tx_position: new RunColumn(false), commit_lsn: new RunColumn(false) },
    ...{ ordinal: new PlainColumn(false), tx_id: new RunColumn(false) },
    ...{ committed_at: new RunColumn(false), effective_at: new RunColumn(false) },
    ...{ table: new RunColumn(false), op: new RunColumn(false) },
    ...{ key: new PlainColumn(true), before: new PlainColumn(true), after: new PlainColumn(true) },
    ...{ actor: new RunColumn(true), command: new RunColumn(true), correlation_id: new RunColumn(true) },
  };
  private rows = 0;
  private characters = 0;
  private lastPosition: number;
  private lastEffectiveAt: bigint;

  constructor(
    private readonly firstPosition: number,
    private readonly firstEffectiveAt: bigint,
  ) {
    this.lastPosition = firstPosition;
    this.lastEffectiveAt = firstEffectiveAt;
  }

  get count(): number {
    return this.rows;
  }

  /** Of the changes, in characters. */
  get size(): number {
    return this.characters;
  }

  /** Changes that follow one another in a transaction. Resolves when there is room for more. */
  async add(changes: readonly ChangeEvent[], stamp: TransactionStamp, attribution: Attribution): Promise<void> {
    this.addStamp(stamp, changes.length);
    for (const change of changes) {
      this.addChange(change, stamp.txPosition);
      this.addOrigin(attribution(change));
    }
    this.rows += changes.length;
    this.lastPosition = stamp.txPosition + changes.at(-1)!.ordinal;
    this.lastEffectiveAt = stamp.effectiveAt;
    const { key, before, after } = this.columns;
    if (key.waiting + before.waiting + after.waiting > compressionBudget)
      await Promise.all([key, before, after].map((column) => column.settled()));
  }

  /** The file's bytes. Nothing is added any more. */
  async finish(): Promise<Buffer> {
    const columns = changelog.fields.map(async (field) => ({
      field,
      chunk: await this.columns[field.name as keyof typeof this.columns].finish(),
    }));
    return parquetFile(await Promise.all(columns), this.rows);
  }

  addOf(file: { readonly path: string; readonly size: number }): AddFile {
    const { rows, firstPosition, lastPosition, firstEffectiveAt, lastEffectiveAt } = this;
    return {
      ...{ ...file, partitionValues: {}, modificationTime: Date.now(), dataChange: true },
      stats: statsOf({
        ...{ numRecords: rows, minValues: { position: firstPosition }, maxValues: { position: lastPosition } },
      }),
      tags: {
        [changelogTags.firstPosition]: String(firstPosition),
        [changelogTags.lastPosition]: String(lastPosition),
        [changelogTags.firstEffectiveAt]: String(firstEffectiveAt),
        [changelogTags.lastEffectiveAt]: String(lastEffectiveAt),
      },
    };
  }

  private addStamp({ txPosition, commitLsn, txId, committedAt, effectiveAt }: TransactionStamp, count: number): void {
    const { columns } = this;
    columns.tx_position.add(txPosition, count);
    columns.commit_lsn.add(commitLsn, count);
    columns.tx_id.add(txId, count);
    columns.committed_at.add(committedAt, count);
    columns.effective_at.add(effectiveAt, count);
  }

  private addChange(change: ChangeEvent, txPosition: number): void {
    const { columns } = this;
    columns.position.integer(txPosition + change.ordinal);
    columns.ordinal.integer(change.ordinal);
    columns.table.add(change.table);
    columns.op.add(change.op);
    columns.key.text(change.key);
    columns.before.text(change.before ?? null);
    columns.after.text(change.after ?? null);
    this.characters += sizeOf(change);
  }

  private addOrigin({ actor, command, correlation_id }: ReturnType<Attribution>): void {
    this.columns.actor.add(actor);
    this.columns.command.add(command);
    this.columns.correlation_id.add(correlation_id);
  }
}
