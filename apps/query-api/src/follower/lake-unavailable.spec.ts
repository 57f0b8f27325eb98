import { describe, expect, it } from '@jest/globals';
import { CorruptLog } from '#libs/delta-log';
import { ForeignFile } from '#libs/lake';
import { told, LakeUnavailable } from './lake-unavailable.js';

describe('what is told of a lake that cannot be followed', () => {
  it('is the sentence of an error that names no folder', () => {
    const foreign = new ForeignFile('halls_dimension', 'part-0.parquet');
    expect(told(foreign)).toBe(foreign.message);
    expect(told(new LakeUnavailable('It is away.'))).toBe('It is away.');
  });

  it('is the code of any other, which the log explains', () => {
    const said = told(new CorruptLog('/var/lib/lake/halls/_delta_log/00000000000000000003.json', 'it holds no action'));
    expect(said).toBe('Following the lake fails (corrupt-log); the log of the query API says where.');
    expect(told(new Error('EACCES: /var/lib/lake'))).toBe(
      'Following the lake fails; the log of the query API says where.',
    );
  });

  it('is that nothing was opened, where nothing failed', () => {
    expect(told(null)).toBe('The lake was not opened yet.');
  });
});
