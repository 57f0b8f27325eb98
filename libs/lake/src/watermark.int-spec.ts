import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, open, readdir, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { temporaryFolder } from '#libs/test-lake';
import { readWatermark, writeWatermark, type Watermark } from './watermark.js';

const root = temporaryFolder('watermark');
let [count, folder] = [0, ''];
beforeEach(async () => {
  folder = join(root, `lake${++count}`);
  await mkdir(folder);
});

const kindOf = (path: string) => (path.endsWith('.draft') ? 'draft' : basename(path));
const watermark = (position: number): Watermark => ({
  ...{ epoch: '{"database":"d\\"é"}', lsn: 2 ** 40 + position, position },
  ...{ source_time: 1_772_352_000_123_456n, time: 1_772_352_000_123_455n + BigInt(position) },
});

describe('the watermark', () => {
  it('comes back as it was written', async () => {
    await writeWatermark(folder, watermark(1));
    await writeWatermark(folder, watermark(2));
    expect(await readWatermark(folder)).toEqual(watermark(2));
    expect(await readdir(folder)).toEqual(['_watermark.json']);
  });

  it('is none before the first, and none where the file is no JSON', async () => {
    expect(await readWatermark(folder)).toBeNull();
    await writeFile(join(folder, '_watermark.json'), '{"lsn":');
    expect(await readWatermark(folder)).toBeNull();
  });

  it('is not taken for none where it cannot be read', async () => {
    await mkdir(join(folder, '_watermark.json'));
    await expect(readWatermark(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('is durable when it resolves: content before name, name before the answer', async () => {
    const handle = await open(folder);
    const syncs: unknown[] = [];
    const sync = jest.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'sync');
    sync.mockImplementation(async function (this: FileHandle) {
      const synced = readlinkSync(`/proc/self/fd/${this.fd}`);
      syncs.push({ synced: synced === folder ? 'folder' : 'file', named: readdirSync(folder).map(kindOf) });
    });
    try {
      await writeWatermark(folder, watermark(1));
    } finally {
      sync.mockRestore();
      await handle.close();
    }
    expect(syncs).toEqual([
      { synced: 'file', named: ['draft'] },
      { synced: 'folder', named: ['_watermark.json'] },
    ]);
  });

  it('is whole for readers while two processes write it', async () => {
    const write = async (first: number) => {
      for (let position = first; position < first + 5; position++) await writeWatermark(folder, watermark(position));
    };
    await writeWatermark(folder, watermark(1));
    const writing = { done: false };
    const both = Promise.all([write(10), write(20)]).finally(() => (writing.done = true));
    while (!writing.done) expect(await readWatermark(folder)).not.toBeNull();
    await both;
    expect(await readdir(folder)).toEqual(['_watermark.json']);
  });
});
