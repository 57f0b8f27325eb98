import { describe, expect, it } from '@jest/globals';
import { isSameEpoch, narrowedTo, uncoveredTables, type SourceEpoch } from './source-epoch.js';

const epoch: SourceEpoch = {
  ...{ system_identifier: '1', timeline: 1, database: 'd', adapter: 'postgres', identity: '1/s@0/1' },
  ...{ consistent_point: '0/1', tables: ['halls', 'rooms'] },
};
const { tables: _, ...older } = epoch;

describe('an epoch', () => {
  it('covers the tables of its snapshot, and in a lake older than the list none that is known', () => {
    expect(uncoveredTables(epoch, ['rooms', 'halls'])).toEqual([]);
    expect(uncoveredTables(epoch, ['halls'])).toEqual([]);
    expect(uncoveredTables(epoch, ['rooms', 'towers', 'attics'])).toEqual(['attics', 'towers']);
    expect(uncoveredTables(older, ['rooms', 'halls'])).toEqual(['halls', 'rooms']);
  });

  it('covers a table no more that is left out', () => {
    expect(narrowedTo(epoch, ['rooms', 'towers'])).toEqual({ ...epoch, tables: ['rooms'] });
    expect(narrowedTo(epoch, ['towers', 'rooms', 'halls'])).toBe(epoch);
    expect(narrowedTo(older, [])).toBe(older);
  });

  it('is the same whatever it covers, and in whatever order it was written', () => {
    expect(isSameEpoch(epoch, older)).toBe(true);
    expect(isSameEpoch(epoch, Object.fromEntries(Object.entries(epoch).reverse()) as unknown as SourceEpoch)).toBe(
      true,
    );
    for (const name of Object.keys(older)) expect(isSameEpoch(epoch, { ...epoch, [name]: 'other' })).toBe(false);
  });
});
