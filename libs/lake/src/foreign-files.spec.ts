import { describe, expect, it } from '@jest/globals';
import type { AddFile } from '#libs/delta-log';
import { refuseForeignFiles } from './foreign-files.js';

const id = '7fc11b99-0d0a-4676-813a-2fbccbecd4f5';
const tags = Object.fromEntries(
  ['first_position', 'last_position', 'first_effective_at', 'last_effective_at'].map((tag) => [`migsbyu.${tag}`, '7']),
);
const file = (path: string, more: object = {}): AddFile => ({
  ...{ path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true },
  ...more,
});
const refused = (table: string, message: RegExp) =>
  expect.objectContaining({ code: 'foreign-file', table, message: expect.stringMatching(message) });

describe('files of a table', () => {
  it('that a projector wrote are taken', () => {
    expect(() => {
      refuseForeignFiles({ name: 'changelog' }, [file(`${id}.parquet`, { tags })]);
      refuseForeignFiles({ name: 'quarantine' }, [file(`table=things/${id}.parquet`)]);
      refuseForeignFiles({ name: 'things_dimension' }, [file(`is_current=false/${id}.parquet`)]);
    }).not.toThrow();
  });

  it.each([
    ['delta-rs and Spark', `part-00000-${id}-c000.zstd.parquet`],
    ['DuckDB', `is_current=true/duckdb-${id}.parquet`],
    ['somebody', 'rows.parquet'],
  ])('that %s wrote are refused, with what to do', (_, path) => {
    const found = (table: string) => () =>
      refuseForeignFiles({ name: table }, [file(`${id}.parquet`, { tags }), file(path, { tags })]);
    expect(found('changelog')).toThrow(refused('changelog', /of changelog was not written.*Restore/));
    expect(found('things_dimension')).toThrow(refused('things_dimension', /\.parquet of things_dimension.*Rebuild/));
  });

  it.each([null, {}, { ...tags, 'migsbyu.last_position': '' }])(
    'of the changelog are refused with tags %j',
    (lacking) => {
      expect(() => refuseForeignFiles({ name: 'changelog' }, [file(`${id}.parquet`, { tags: lacking })])).toThrow(
        refused('changelog', /Restore/),
      );
    },
  );
});
