import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import type { AddFile, RemoveFile } from '../src/action.js';
import type { TableDefinition } from '../src/create-table.js';

export const duckdb = await (await DuckDBInstance.create()).connect();

const root = mkdtempSync(join(tmpdir(), 'delta-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A path where nothing is yet. Quote and glob characters are in it, because a user's path may have them. */
let count = 0;
export const newFolder = (): string => join(root, `o'x [${++count}]*`);

export const definition: TableDefinition = {
  name: 'things',
  fields: [
    { name: 'id', type: 'long', nullable: false },
    { name: 'is_current', type: 'boolean', nullable: false },
  ],
  partitionColumns: ['is_current'],
  configuration: { 'migsbyu.epoch': '{"database":"d\'é\\""}' },
};

export const add = (path: string, fields: Partial<AddFile> = {}): { add: AddFile } => ({
  add: { path, partitionValues: { is_current: 'true' }, size: 1, modificationTime: 1, dataChange: true, ...fields },
});

export const remove = (path: string, deletionTimestamp = Date.now()): { remove: RemoveFile } => ({
  remove: { path, deletionTimestamp, dataChange: true },
});
