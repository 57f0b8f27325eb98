import { describe, expect, it } from '@jest/globals';
import { PgoutputDecoder } from './pgoutput.js';
import type { Relation } from './relation.js';
import type { Tuple } from './tuple.js';

/** In place of a value that was not sent. */
const unchanged = Symbol('unchanged');
type Value = string | null | typeof unchanged;

const bytes = (...parts: (string | number[] | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const uint16 = (value: number) => [value >> 8, value & 255];
const uint32 = (value: number) => [...uint16(value >>> 16), ...uint16(value & 0xffff)];
const uint64 = (value: bigint) => [...uint32(Number(value >> 32n)), ...uint32(Number(value & 0xffff_ffffn))];

function tuple(...values: readonly Value[]): Buffer {
  const parts = values.map((value) => {
    if (value === null) return bytes('n');
    if (value === unchanged) return bytes('u');
    return bytes('t', uint32(Buffer.byteLength(value)), value);
  });
  return bytes(uint16(values.length), ...parts);
}

function relation(oid: number, name: string, columns: readonly string[], keys: readonly string[]): Buffer {
  const described = columns.map((column) =>
    bytes([keys.includes(column) ? 1 : 0], `${column}\0`, uint32(25), uint32(0xffff_ffff)),
  );
  return bytes('R', uint32(oid), `public\0${name}\0`, 'd', uint16(columns.length), ...described);
}

const valuesOf = (tuple: Tuple, { columns }: Relation): Value[] =>
  columns.map((_, column) => (tuple.isUnchanged(column) ? unchanged : tuple.text(column)));

/** The message with its rows as values. */
function decoded(decoder: PgoutputDecoder, message: Buffer, at = 0) {
  const read = decoder.decode(message, at);
  if (!read || !('relation' in read)) return read;
  const { relation } = read;
  return {
    ...read,
    ...('row' in read && { row: valuesOf(read.row, relation) }),
    ...('old' in read && read.old && { old: { ...read.old, row: valuesOf(read.old.row, relation) } }),
  };
}

const decoderOf = (...messages: Buffer[]) => {
  const decoder = new PgoutputDecoder((schema, table) => schema === 'public' && table !== 'other');
  for (const message of messages) decoder.decode(message, 0);
  return decoder;
};
const rooms = relation(7, 'rooms', ['id', 'name'], ['id']);
const described = expect.objectContaining({ name: 'rooms', columns: ['id', 'name'], identity: [0] });

describe('pgoutput', () => {
  it('tells the transaction id of a begin', () => {
    const begin = bytes('B', uint64(1n), uint64(0n), uint32(4_000_000_000));
    expect(decoderOf().decode(begin, 0)).toEqual({ type: 'begin', xid: 4_000_000_000 });
  });

  it('tells the end of a commit, not its start, and its time exactly', () => {
    const commit = bytes(
      'C',
      [0],
      uint64(0x1_0000_0010n),
      uint64(0x1_0000_0040n),
      uint64(-1n & 0xffff_ffff_ffff_ffffn),
    );
    expect(decoderOf().decode(commit, 0)).toEqual({
      type: 'commit',
      endLsn: 2 ** 32 + 0x40,
      committedAt: 946_684_799_999_999n,
    });
  });

  it('reads a message that starts somewhere in the bytes', () => {
    const insert = bytes('xxxxx', 'I', uint32(7), 'N', tuple('1', 'ü'), 'rest');
    expect(decoded(decoderOf(rooms), insert, 5)).toEqual({ type: 'insert', relation: described, row: ['1', 'ü'] });
  });

  it('keeps apart null, the empty text and a value that was not sent', () => {
    const update = bytes('U', uint32(7), 'N', tuple('', unchanged));
    expect(decoded(decoderOf(rooms), update)).toEqual({ type: 'update', relation: described, row: ['', unchanged] });
    const insert = bytes('I', uint32(7), 'N', tuple('1', null));
    expect(decoded(decoderOf(rooms), insert)).toMatchObject({ row: ['1', null] });
  });

  it('tells a whole old row from an old key', () => {
    const whole = bytes('U', uint32(7), 'O', tuple('1', 'a'), 'N', tuple('1', 'b'));
    expect(decoded(decoderOf(rooms), whole)).toMatchObject({
      old: { whole: true, row: ['1', 'a'] },
      row: ['1', 'b'],
    });
    const key = bytes('U', uint32(7), 'K', tuple('1', null), 'N', tuple('2', 'b'));
    expect(decoded(decoderOf(rooms), key)).toMatchObject({ old: { whole: false, row: ['1', null] } });
    const removal = bytes('D', uint32(7), 'K', tuple('1', null));
    expect(decoded(decoderOf(rooms), removal)).toMatchObject({ type: 'delete', old: { whole: false } });
  });

  it('takes a relation as it was described last', () => {
    const decoder = decoderOf(rooms, relation(7, 'rooms', ['id', 'title', 'floor'], ['id']));
    const insert = bytes('I', uint32(7), 'N', tuple('1', 'a', '2'));
    expect(decoder.decode(insert, 0)).toMatchObject({ relation: { columns: ['id', 'title', 'floor'] } });
  });

  it('says nothing of unwanted relations, origins, types and logical messages', () => {
    const decoder = decoderOf(rooms, relation(8, 'other', ['id'], ['id']));
    expect(decoder.decode(bytes('I', uint32(8), 'N', tuple('1')), 0)).toBeNull();
    expect(decoder.decode(bytes('T', uint32(2), [0], uint32(8), uint32(7)), 0)).toEqual({
      type: 'truncate',
      relations: [described],
    });
    expect(decoder.decode(bytes('T', uint32(1), [0], uint32(8)), 0)).toBeNull();
    for (const kind of ['O', 'Y', 'M']) expect(decoder.decode(bytes(kind, 'whatever'), 0)).toBeNull();
  });

  it.each([
    ['an unknown message', bytes('S', uint32(1))],
    ['a change of an undescribed relation', bytes('I', uint32(9), 'N', tuple('1'))],
    ['a row of another width than described', bytes('I', uint32(7), 'N', tuple('1'))],
    ['a binary value', bytes('I', uint32(7), 'N', uint16(2), 'b', uint32(1), 'x', 'n')],
  ])('does not guess at %s', (_, message) => {
    expect(() => decoderOf(rooms).decode(message, 0)).toThrow(expect.objectContaining({ code: 'protocol-violation' }));
  });
});
