import { describe, expect, it } from '@jest/globals';
import type { Action, AddFile } from './action.js';
import { firstActions } from './create-table.js';
import { Snapshot } from './snapshot.js';

const table = { name: 't', fields: [], partitionColumns: [], configuration: {} };
const file = (path: string): { add: AddFile } => ({
  add: { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true },
});
const gone = (path: string, deletionTimestamp = 0): Action => ({
  remove: { path, deletionTimestamp, dataChange: true },
});
const begin = (...more: Action[]) => new Snapshot(0, [...firstActions(table, 'id', 0), ...more]);

describe('a snapshot', () => {
  it('has the files added and not removed, and a tombstone of each removed one', () => {
    const snapshot = begin(file('a'), file('b'));
    snapshot.advance(1, [gone('a'), file('c')]);
    expect([...snapshot.files.keys()]).toEqual(['b', 'c']);
    expect([...snapshot.tombstones.keys()]).toEqual(['a']);
    expect(snapshot.version).toBe(1);
  });

  it('has a file again that is added after its removal', () => {
    const snapshot = begin(file('a'));
    snapshot.advance(1, [gone('a')]);
    snapshot.advance(2, [file('a')]);
    expect([...snapshot.files.keys()]).toEqual(['a']);
    expect(snapshot.tombstones.size).toBe(0);
  });

  it('has the last transaction of each application and the last metadata', () => {
    const snapshot = begin({ txn: { appId: 'x', version: 1 } }, { txn: { appId: 'y', version: 7 } });
    const metaData = { ...snapshot.metadata, configuration: { changed: 'yes' } };
    snapshot.advance(1, [{ txn: { appId: 'x', version: 2 } }, { metaData }]);
    expect([...snapshot.transactions]).toEqual([
      ['x', 2],
      ['y', 7],
    ]);
    expect(snapshot.metadata).toEqual(metaData);
  });

  it.each([0, 2, 5])('at version 0 refuses version %i and stays as it is', (version) => {
    const snapshot = begin();
    expect(() => snapshot.advance(version, [file('a')])).toThrow(expect.objectContaining({ code: 'out-of-sequence' }));
    expect([snapshot.version, snapshot.files.size]).toEqual([0, 0]);
  });

  it('refuses a protocol that it does not read, and nothing of that version is in it', () => {
    const snapshot = begin();
    const protocol = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'] };
    expect(() => snapshot.advance(1, [file('a'), { protocol }])).toThrow(
      expect.objectContaining({ code: 'unsupported-table', protocol }),
    );
    expect([snapshot.version, snapshot.files.size]).toEqual([0, 0]);
  });

  it('reads a table that only writers need more for', () => {
    const snapshot = begin({ protocol: { minReaderVersion: 1, minWriterVersion: 4 } });
    expect(snapshot.protocol.minWriterVersion).toBe(4);
  });

  it('refuses a transaction beyond 2^53, which may not be the number that was written', () => {
    expect(() => begin({ txn: { appId: 'x', version: 2 ** 53 } })).toThrow(/txn x is 9007199254740992/);
  });

  it('refuses to begin without protocol or metadata', () => {
    expect(() => new Snapshot(3, [file('a')])).toThrow(expect.objectContaining({ code: 'out-of-sequence' }));
  });

  it('forgets tombstones from before a time and no others, also behind one of a clock that was ahead', () => {
    const snapshot = begin();
    const aYearAhead = 31_536_000_000;
    snapshot.advance(1, [gone('ahead', aYearAhead), gone('a', 10), gone('b', 20)]);
    snapshot.expireTombstones(20);
    expect([...snapshot.tombstones.keys()]).toEqual(['ahead', 'b']);
  });
});
