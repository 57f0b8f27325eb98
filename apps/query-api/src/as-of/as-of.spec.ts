import { describe, expect, it } from '@jest/globals';
import { encodeConsistencyToken } from '#libs/consistency-token';
import { readAsOf } from './as-of.js';

const token = {
  system_identifier: '7711661674636722854',
  timeline: 1,
  database: 'estate',
  xid: '731',
  lsn: '0/16B3748',
  issued_at: '2026-03-01T08:00:00.123456Z',
};

describe('as_of', () => {
  it.each([
    ['0', { kind: 'position', position: 0 }],
    ['9007199254740991', { kind: 'position', position: Number.MAX_SAFE_INTEGER }],
    ['2026-03-01', { kind: 'time', microseconds: 1_772_323_200_000_000n }],
    ['2026-03-01T08:00:00.123456Z', { kind: 'time', microseconds: 1_772_352_000_123_456n }],
    ['2026-03-01T09:00:00.123456+01:00', { kind: 'time', microseconds: 1_772_352_000_123_456n }],
    [encodeConsistencyToken(token), { kind: 'token', token }],
  ])('reads %s', (text, asOf) => {
    expect(readAsOf(text)).toEqual(asOf);
  });

  it.each(['', '-1', '1.5', '9007199254740992', '2026-02-29', '2026-03-01T08:00:00', '2026-03-01 08:00:00Z', 'now'])(
    'does not guess at %p',
    (text) => {
      expect(readAsOf(text)).toBeNull();
    },
  );
});
