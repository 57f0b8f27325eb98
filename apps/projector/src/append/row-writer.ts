/** Changes to Parquet, a file at a time. */
import { writeFile } from 'node:fs/promises';
import type { ChangeEvent } from '#libs/change-event';
import { writeDataFile, type AddFile } from '#libs/delta-log';
import type { Attribution } from './attribution.js';
import { ChangelogFile, type TransactionStamp } from './changelog-file.js';

/** After about as many rows or characters, whichever comes first, the next file begins. */
export interface FileLimits {
  readonly rowsPerFile?: number;
  readonly charactersPerFile?: number;
}

export class RowWriter {
  private file: ChangelogFile | null = null;
  private files: AddFile[] = [];

  /** `folder` is the changelog's. */
  constructor(
    private readonly folder: string,
    private readonly limits: FileLimits,
  ) {}

  async append(changes: readonly ChangeEvent[], stamp: TransactionStamp, attribution: Attribution): Promise<void> {
    if (changes.length === 0) return;
    this.file ??= new ChangelogFile(stamp.txPosition + changes[0]!.ordinal, stamp.effectiveAt);
    await this.file.add(changes, stamp, attribution);
    if (this.isFull(this.file)) await this.closeFile(this.file);
  }

  /** The files written since the last call: durable, and in no version yet. */
  async finish(): Promise<AddFile[]> {
    if (this.file) await this.closeFile(this.file);
    const { files } = this;
    this.files = [];
    return files;
  }

  private isFull({ count, size }: ChangelogFile): boolean {
    const { rowsPerFile = 100_000, charactersPerFile = 64 << 20 } = this.limits;
    return count >= rowsPerFile || size >= charactersPerFile;
  }

  private async closeFile(file: ChangelogFile): Promise<void> {
    this.file = null;
    const bytes = await file.finish();
    this.files.push(file.addOf(await writeDataFile(this.folder, (path) => writeFile(path, bytes))));
  }
}
