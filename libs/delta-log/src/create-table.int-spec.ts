import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import { definition, duckdb, newFolder } from '../test/temporary-table.js';
import { createTable } from './create-table.js';
import { draftPath, listLog, logFolder } from './log-folder.js';

describe('creating a table', () => {
  it('makes version 0 with its schema, partition and properties', async () => {
    const folder = newFolder();
    const { version, metadata, protocol } = await createTable(`${folder}/deep/below`, definition, duckdb);
    expect([version, protocol]).toEqual([0, { minReaderVersion: 1, minWriterVersion: 2 }]);
    expect(metadata).toMatchObject({
      name: 'things',
      partitionColumns: ['is_current'],
      configuration: {
        'delta.deletedFileRetentionDuration': 'interval 2 hours',
        'delta.logRetentionDuration': 'interval 24 hours',
        ...definition.configuration,
      },
    });
  });

  it('goes on where a crash left the folder and a draft, but no version', async () => {
    const folder = newFolder();
    mkdirSync(logFolder(folder), { recursive: true });
    writeFileSync(draftPath(logFolder(folder), 'crashed'), '{"proto');
    expect((await createTable(folder, definition, duckdb)).version).toBe(0);
  });

  it('opens the one that is there, with its own properties', async () => {
    const folder = newFolder();
    const { metadata } = await createTable(folder, definition, duckdb);
    const again = await createTable(folder, { ...definition, configuration: { other: 'x' } }, duckdb);
    expect([again.version, again.metadata]).toEqual([0, metadata]);
  });

  it('raced by many gives all of them the same table', async () => {
    const folder = newFolder();
    const connections = await Promise.all(
      Array.from({ length: 8 }, async () => (await DuckDBInstance.create()).connect()),
    );
    const tables = await Promise.all(connections.map((connection) => createTable(folder, definition, connection)));
    expect(new Set(tables.map(({ metadata }) => metadata.id)).size).toBe(1);
    expect((await listLog(folder)).entries).toEqual([0]);
  });
});
