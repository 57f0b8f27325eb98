import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeConsistencyToken,
  encodeConsistencyToken,
  InvalidConsistencyToken,
  type ConsistencyToken,
} from './consistency-token.js';

const token: ConsistencyToken = {
  system_identifier: '7711661674636722854',
  timeline: 1,
  database: 'migsbyu',
  xid: '4294967999',
  lsn: '0/16B3748',
  issued_at: '2026-03-01T08:00:00.123456Z',
};
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a consistency token', () => {
  it('comes back as it went, and needs no escaping in a URL', () => {
    const text = encodeConsistencyToken({ ...token, database: 'universität / 1' });
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(decodeConsistencyToken(text)).toEqual({ ...token, database: 'universität / 1' });
  });

  it('loses fields that nobody asked for', () => {
    expect(decodeConsistencyToken(encoded({ ...token, admin: true }))).toEqual(token);
  });

  it.each(Object.keys(token))('is refused without its %s, and with a wrong one', (field) => {
    const { [field as keyof ConsistencyToken]: _, ...rest } = token;
    for (const wrong of [rest, { ...token, [field]: {} }, { ...token, [field]: '' }])
      expect(() => decodeConsistencyToken(encoded(wrong))).toThrow(field);
  });

  it('is refused when its moment does not exist', () => {
    const issued_at = '2026-13-01T08:00:00.123456Z';
    expect(() => decodeConsistencyToken(encoded({ ...token, issued_at }))).toThrow(InvalidConsistencyToken);
  });

  it('never fails in another way, whatever the text', () => {
    const nonsense = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    fc.assert(
      fc.property(nonsense, (text) => {
        expect(() => decodeConsistencyToken(text)).toThrow(InvalidConsistencyToken);
      }),
    );
  });
});
