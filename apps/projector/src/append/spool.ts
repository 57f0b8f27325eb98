import { randomUUID } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StagedChange } from './staged-change.js';

/** A local file for what does not fit in memory, one chunk a line; made at the first write, gone when read or discarded. */
export class Spool {
  private file: FileHandle | null = null;

  constructor(private readonly folder: string) {}

  get used(): boolean {
    return this.file !== null;
  }

  async write(chunk: readonly StagedChange[]): Promise<void> {
    this.file ??= await this.create();
    await this.file.appendFile(`${JSON.stringify(chunk)}\n`);
  }

  async *chunks(): AsyncIterable<readonly StagedChange[]> {
    if (!this.file) return;
    const stream = this.file.createReadStream({ start: 0, autoClose: false, encoding: 'utf8' });
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) yield JSON.parse(line);
    await this.discard();
  }

  async discard(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }

  /** The name goes at once, the content with the handle: no crash leaves a file behind. */
  private async create(): Promise<FileHandle> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, `${randomUUID()}.spool`);
    const file = await open(path, 'w+');
    await unlink(path);
    return file;
  }
}
