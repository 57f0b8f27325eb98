import { rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { add, definition, duckdb, newFolder, remove } from '../test/temporary-table.js';
import type { Action } from './action.js';
import { checkpoint } from './checkpoint.js';
import { commit } from './commit.js';
import { createTable } from './create-table.js';
import { DeltaTable } from './delta-table.js';
import { loadSnapshot } from './load-snapshot.js';
import { checkpointPath, entryPath, lastCheckpointPath } from './log-folder.js';
import type { Snapshot } from './snapshot.js';

const stateOf = (snapshot: Snapshot | null) =>
  snapshot && {
    version: snapshot.version,
    metadata: snapshot.metadata,
    files: Object.fromEntries(snapshot.files),
    tombstones: Object.fromEntries(snapshot.tombstones),
    transactions: Object.fromEntries(snapshot.transactions),
  };

const paths = Array.from({ length: 8 }, (_, i) => `part-${i}.parquet`);
const text = fc.string({ unit: 'grapheme' });
const integer = fc.maxSafeNat();
const timestamp = fc.integer({ min: Date.now(), max: 2 ** 50 });
const path = fc.constantFrom(...paths);
const partitionValues = fc.dictionary(text, fc.option(text), { noNullPrototype: true, maxKeys: 3 });
const tags = fc.dictionary(text, text, { noNullPrototype: true, maxKeys: 3 });
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

const step = fc.oneof(
  fc.record({
    add: fc.record(
      { path, partitionValues, size: integer, modificationTime: integer, dataChange: fc.boolean(), stats: text, tags },
      { requiredKeys: ['path', 'partitionValues', 'size', 'modificationTime', 'dataChange'] },
    ),
  }),
  fc.record({
    remove: fc.record(
      {
        path,
        deletionTimestamp: timestamp,
        dataChange: fc.boolean(),
        extendedFileMetadata: fc.boolean(),
        partitionValues,
        size: integer,
      },
      { requiredKeys: ['path', 'deletionTimestamp', 'dataChange'] },
    ),
  }),
  fc.record({ txn: fc.record({ appId: fc.constantFrom('position', 'fold', 'ü'), version: integer }) }),
  fc.record({ configuration: tags, name: optional(text) }),
);

/** Each commit: its steps, of which one path's are at most one, and what happens after it. */
const commits = fc.array(
  fc.record({
    steps: fc.uniqueArray(step, {
      maxLength: 6,
      selector: (one) =>
        'add' in one ? one.add.path : 'remove' in one ? one.remove.path : 'txn' in one ? one.txn.appId : 'metaData',
    }),
    after: fc.constantFrom('nothing', 'nothing', 'checkpoint', 'checkpoint and clean'),
  }),
  { minLength: 1, maxLength: 12 },
);

/** What the protocol says of a table's state, as plainly as can be said. */
interface Model {
  metadata: unknown;
  files: Record<string, unknown>;
  tombstones: Record<string, unknown>;
  transactions: Record<string, number>;
}

function replay(model: Model, actions: readonly Action[]): void {
  for (const action of actions) {
    if ('add' in action) {
      model.files[action.add.path] = action.add;
      delete model.tombstones[action.add.path];
    }
    if ('remove' in action) {
      model.tombstones[action.remove.path] = action.remove;
      delete model.files[action.remove.path];
    }
    if ('txn' in action) model.transactions[action.txn.appId] = action.txn.version;
    if ('metaData' in action) model.metadata = action.metaData;
  }
}

describe('the state of a table', () => {
  it('is what was committed, with and without checkpoints and the entries before them', async () => {
    const runs = Number(process.env['RUNS'] ?? 60);
    await fc.assert(
      fc.asyncProperty(commits, async (sequence) => {
        const folder = newFolder();
        const { metadata } = await createTable(folder, definition, duckdb);
        const table = await DeltaTable.open(folder, duckdb);
        const model: Model = { metadata, files: {}, tombstones: {}, transactions: {} };
        for (const { steps, after } of sequence) {
          const actions = steps.map((one): Action =>
            'configuration' in one ? { metaData: { ...metadata, ...one } } : one,
          );
          const version = await table.commit(actions);
          replay(model, actions);
          if (after !== 'nothing') await checkpoint(folder, table.snapshot, duckdb);
          if (after === 'checkpoint and clean')
            for (let old = 0; old < version; old++) rmSync(entryPath(folder, old), { force: true });
          expect(stateOf(table.snapshot)).toEqual({ version, ...model });
          expect(stateOf(await loadSnapshot(folder, duckdb))).toEqual({ version, ...model });
        }
      }),
      { numRuns: runs },
    );
  }, 3_600_000);
});

describe('loading a table', () => {
  let folder: string;
  let table: DeltaTable;
  beforeEach(async () => {
    folder = newFolder();
    await createTable(folder, definition, duckdb);
    table = await DeltaTable.open(folder, duckdb);
    await table.commit([add('a')]);
    await checkpoint(folder, table.snapshot, duckdb); // of version 1
    await table.commit([add('b'), remove('a')]);
    await checkpoint(folder, table.snapshot, duckdb); // of version 2
    await table.commit([add('c')]);
  });
  const load = async () => stateOf(await loadSnapshot(folder, duckdb));
  const newest = () => stateOf(table.snapshot);
  const dropEntries = (...versions: number[]) => versions.forEach((version) => rmSync(entryPath(folder, version)));

  it('that is not there is null', async () => {
    expect(await loadSnapshot(newFolder(), duckdb)).toBeNull();
  });

  it('needs no entry before its checkpoint, nor that of the checkpoint', async () => {
    dropEntries(0, 1, 2);
    expect(await load()).toEqual(newest());
  });

  it.each([
    ['missing', null],
    ['torn', '{"version":'],
    ['empty', ''],
    ['no object', 'null'],
    ['of another shape', '{"version":"2"}'],
    ['naming a checkpoint that is gone', '{"version":7}'],
  ])('lists the log where _last_checkpoint is %s', async (_, hint) => {
    if (hint === null) rmSync(lastCheckpointPath(folder));
    else writeFileSync(lastCheckpointPath(folder), hint);
    dropEntries(0, 1);
    expect(await load()).toEqual(newest());
  });

  it('goes on from an older checkpoint where the newest is no Parquet', async () => {
    writeFileSync(checkpointPath(folder, 2), 'PAR1');
    dropEntries(0, 1);
    expect(await load()).toEqual(newest());
  });

  it('takes no old checkpoint for the newest version, though the hint names it and its entries are gone', async () => {
    writeFileSync(lastCheckpointPath(folder), '{"version":1}');
    dropEntries(0, 1, 2);
    expect(await load()).toEqual(newest());
  });

  it('fails where nothing leads to the entries that are there, and makes no table of a part of them', async () => {
    dropEntries(0);
    rmSync(checkpointPath(folder, 1));
    rmSync(checkpointPath(folder, 2));
    await expect(load()).rejects.toThrow(expect.objectContaining({ code: 'log-moved-on' }));
  });

  it('refuses an entry that is no JSON instead of leaving it out', async () => {
    await commit(folder, 4, 'id', []);
    writeFileSync(entryPath(folder, 4), '{"add":{"path"');
    await expect(load()).rejects.toThrow(expect.objectContaining({ code: 'corrupt-log', file: entryPath(folder, 4) }));
  });
});
