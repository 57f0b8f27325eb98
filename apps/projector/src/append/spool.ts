import { randomUUID } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeEvent } from '#libs/change-event';

/** A local file for what does not fit in memory, chunk by chunk; made at the first write, gone when discarded. */
export class Spool {
  private file: FileHandle | null = null;
  /** Bytes of each chunk. No separator between them: whatever is one may stand in a text. */
  private readonly lengths: number[] = [];

  constructor(private readonly folder: string) {}

  get used(): boolean {
    return this.file !== null;
  }

  async write(chunk: readonly ChangeEvent[]): Promise<void> {
    this.file ??= await this.create();
    const bytes = Buffer.from(JSON.stringify(chunk));
    await this.file.appendFile(bytes);
    this.lengths.push(bytes.length);
  }

  async *chunks(): AsyncIterable<readonly ChangeEvent[]> {
    if (!this.file) return;
    let position = 0;
    for (const length of this.lengths) {
      yield JSON.parse(await textAt(this.file, position, length));
      position += length;
    }
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

async function textAt(file: FileHandle, position: number, length: number): Promise<string> {
  const bytes = Buffer.alloc(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`The spool ends at byte ${position + filled}, inside a chunk of ${length}.`);
    filled += bytesRead;
  }
  return bytes.toString('utf8');
}
