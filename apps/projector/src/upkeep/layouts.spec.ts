import { describe, expect, it } from '@jest/globals';
import { statsOf, Snapshot, type AddFile } from '#libs/delta-log';
import { ledger } from '#libs/test-lake';
import { changelogLayout } from './changelog-layout.js';
import { periodLayout } from './period-layout.js';

function snapshotOf(files: readonly AddFile[]): Snapshot {
  const metaData = {
    ...{ id: 'x', schemaString: '{}', partitionColumns: [], configuration: {} },
    format: { provider: 'parquet' as const, options: {} },
  };
  const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
  return new Snapshot(0, [{ protocol }, { metaData }, ...files.map((add) => ({ add }))]);
}

const fileOf = (path: string, numRecords: number, fields: Partial<AddFile> = {}): AddFile => ({
  ...{ path, partitionValues: {}, size: numRecords, modificationTime: 1, dataChange: true },
  stats: statsOf({ numRecords, minValues: {}, maxValues: {} }),
  ...fields,
});

const paths = (groups: readonly (readonly AddFile[])[]) => groups.map((group) => group.map(({ path }) => path).join());

describe('the layout of the changelog', () => {
  let position = 0;
  /** Files of so many rows, one after the other; as many bytes. */
  const filesOf = (...rows: number[]) => {
    position = 0;
    return rows.map((count, index) =>
      fileOf(String(index), count, {
        tags: { 'migsbyu.first_position': String(position + 1), 'migsbyu.last_position': String((position += count)) },
      }),
    );
  };
  const outgrown = (files: readonly AddFile[], { overdue = false, folded = Infinity, fileSize = 100 } = {}) =>
    paths(changelogLayout({ files: 5, fileSize, folded: () => folded }).outgrown(snapshotOf(files), overdue));

  it('asks for a merge when there are many small files, or when it is time', () => {
    expect(outgrown(filesOf(50, 1, 1, 1))).toEqual([]);
    expect(outgrown(filesOf(1, 1, 1, 1, 1))).toEqual(['0,1,2,3,4']);
    expect(outgrown(filesOf(10, 1, 1, 1, 1, 1))).toEqual(['1,2,3,4,5']);
    expect(outgrown(filesOf(1, 1, 1, 9), { overdue: true })).toEqual(['0,1,2,3']);
    expect(outgrown(filesOf(8, 2, 1), { overdue: true })).toEqual([]);
    expect(outgrown([], { overdue: true })).toEqual([]);
  });

  it('takes neighbours by position, in whatever order they are listed', () => {
    expect(outgrown(filesOf(1, 1, 1, 1, 1).toReversed())).toEqual(['0,1,2,3,4']);
  });

  it('leaves large files alone, and merges nothing across them', () => {
    expect(outgrown(filesOf(1, 1, 1, 1, 1, 100, 200, 1, 1, 1, 1, 1))).toEqual(['0,1,2,3,4', '7,8,9,10,11']);
    expect(outgrown(filesOf(100, 100, 100, 100, 100, 100, 1), { overdue: true })).toEqual([]);
  });

  it('makes several files where one would be far too large', () => {
    expect(outgrown(filesOf(30, 30, 30, 30, 30, 30, 30, 30, 30))).toEqual(['0,1,2,3', '4,5,6,7']);
  });

  it('takes in only what is folded, unless files become too many', () => {
    expect(outgrown(filesOf(1, 1, 1, 1, 1, 1, 1), { folded: 5 })).toEqual(['0,1,2,3,4']);
    expect(outgrown(filesOf(2, 2, 2, 2, 2, 2, 2), { folded: 9, overdue: true })).toEqual([]);
    expect(outgrown(filesOf(...Array.from({ length: 19 }, () => 1)), { folded: 0 })).toEqual([]);
    expect(outgrown(filesOf(...Array.from({ length: 20 }, () => 1)), { folded: 0 })).toHaveLength(1);
  });
});

describe('the layout of closed versions', () => {
  const closed = (period: string, rows: readonly number[]) =>
    rows.map((count, index) =>
      fileOf(`${period}-${index}`, count, {
        partitionValues: { is_current: 'false' },
        tags: { 'migsbyu.period': period },
      }),
    );
  const outgrown = (files: readonly AddFile[]) =>
    paths(periodLayout(ledger.tables[0]!, { files: 4, rows: 100 }).outgrown(snapshotOf(files), true));

  it('asks for a merge of a period of too many files, and of no other', () => {
    expect(outgrown([...closed('2025', [1, 1, 1, 1]), ...closed('2026', [1, 1, 1, 1, 1])])).toEqual([
      '2026-0,2026-1,2026-2,2026-3,2026-4',
    ]);
  });

  it('leaves as few files as may be where none has outgrown its size', () => {
    expect(outgrown(closed('2026', [90, 40, 20, 9, 4]))).toEqual(['2026-3,2026-4']);
    expect(outgrown(closed('2026', [90, 40, 20, 9, 4, 2]))).toEqual(['2026-3,2026-4,2026-5']);
  });

  it('does not sort again what is large', () => {
    expect(outgrown(closed('2026', [100, 200, 300, 400, 500, 1, 1, 1, 1]))).toEqual([]);
    expect(outgrown(closed('2026', [100, 1, 200, 1, 1, 1, 1]))).toEqual(['2026-1,2026-3,2026-4,2026-5,2026-6']);
  });

  it('leaves open versions, and what names no period, alone', () => {
    const open = closed('2026', [1, 1, 1, 1, 1]).map((file) => ({ ...file, partitionValues: { is_current: 'true' } }));
    const untold = closed('2025', [1, 1, 1, 1, 1]).map(({ tags: _, ...file }) => file);
    expect(outgrown([...open, ...untold])).toEqual([]);
  });
});
