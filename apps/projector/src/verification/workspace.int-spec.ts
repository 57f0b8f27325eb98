import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { rowsOf } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { Workspace } from './workspace.js';

const root = temporaryFolder('workspace');

describe('a workspace', () => {
  it('is gone when it is closed, beside another one', async () => {
    const parent = join(root, 'several');
    const [one, other] = [await Workspace.open(parent), await Workspace.open(parent)];
    await one.duckdb.run('CREATE TABLE rows.one AS SELECT 1 AS i');
    await other.duckdb.run('CREATE TABLE rows.one AS SELECT 2 AS i');
    await one.close();
    expect(readdirSync(parent)).toHaveLength(1);
    expect(await rowsOf(other.duckdb, 'FROM rows.one')).toEqual([{ i: 2 }]);
    await other.close();
    expect(readdirSync(parent)).toEqual([]);
  });

  it('clears away what a killed process left, also one that had this id, and nothing else', async () => {
    const parent = join(root, 'killed');
    for (const left of [`verification-${process.pid}-1-abc`, 'verification-999999999-5-abc', 'verification-notes']) {
      mkdirSync(join(parent, left), { recursive: true });
      writeFileSync(join(parent, left, 'rows.duckdb'), '');
    }
    const workspace = await Workspace.open(parent);
    await workspace.close();
    expect(readdirSync(parent)).toEqual(['verification-notes']);
  });
});
