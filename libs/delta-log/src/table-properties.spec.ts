import { describe, expect, it } from '@jest/globals';
import { firstActions } from './create-table.js';
import { Snapshot } from './snapshot.js';
import { logRetention, tombstoneRetention } from './table-properties.js';

const metadataWith = (configuration: Record<string, string>) =>
  new Snapshot(0, firstActions({ name: 't', fields: [], partitionColumns: [], configuration }, 'id', 0)).metadata;
const hour = 3_600_000;

describe('table properties', () => {
  it('keep tombstones two hours and the log a day where the definition says nothing', () => {
    const metadata = metadataWith({});
    expect([tombstoneRetention(metadata), logRetention(metadata)]).toEqual([2 * hour, 24 * hour]);
  });

  it.each([
    ['interval 1 week', 168],
    ['INTERVAL 3 Days', 72],
    ['1 hour', 1],
    ['interval 120 minutes', 2],
    ['interval 7200 seconds', 2],
    ['interval 3600000 milliseconds', 1],
  ])('understand %s', (value, hours) => {
    expect(logRetention(metadataWith({ 'delta.logRetentionDuration': value }))).toBe(hours * hour);
  });

  it.each(['2h', 'interval', 'interval -1 days', 'interval 1 fortnight', ''])('refuse %j', (value) => {
    const property = 'delta.deletedFileRetentionDuration';
    expect(() => tombstoneRetention(metadataWith({ [property]: value }))).toThrow(
      expect.objectContaining({ code: 'invalid-table-property', property, value }),
    );
  });

  it("are Delta's defaults in a table of another writer that sets none", () => {
    const metadata = { ...metadataWith({}), configuration: {} };
    expect([tombstoneRetention(metadata), logRetention(metadata)]).toEqual([168 * hour, 720 * hour]);
  });
});
