import { describe, expect, it } from '@jest/globals';
import type { ChangeEvent } from '#libs/change-event';
import { Attribution } from './attribution.js';

const event = (stream_id: string, metadata: unknown): ChangeEvent => ({
  ordinal: 0,
  table: 'events',
  op: 'c',
  key: JSON.stringify([stream_id, '1']),
  after: { stream_id, metadata: JSON.stringify(metadata) },
});
const ann = { actor: 'ann', command: 'Rename', correlation_id: 'c1' };
const bob = { actor: 'bob', command: 'Move', correlation_id: 'c2' };
const nobody = { actor: null, command: null, correlation_id: null };

function given(...events: ChangeEvent[]): Attribution {
  const attribution = new Attribution('events');
  events.forEach((change) => attribution.collect(change));
  return attribution;
}

describe('attribution', () => {
  it('takes the event of the row’s own stream, composite keys included', () => {
    const attribution = given(event('rooms:A/1', ann), event('rooms:A/2', bob));
    expect(attribution.of({ table: 'rooms', key: '["A","1"]' })).toEqual(ann);
    expect(attribution.of({ table: 'rooms', key: '["A","2"]' })).toEqual(bob);
  });

  it('takes the transaction’s events for another row, if they agree', () => {
    expect(given(event('rooms:1', ann), event('rooms:2', ann)).of({ table: 'doors', key: '["7"]' })).toEqual(ann);
    expect(given(event('rooms:1', ann)).of({ table: 'rooms', key: null })).toEqual(ann);
  });

  it('names nobody where they disagree, or where there is no event', () => {
    expect(given(event('rooms:1', ann), event('rooms:2', bob)).of({ table: 'doors', key: '["7"]' })).toEqual(nobody);
    expect(given().of({ table: 'doors', key: '["7"]' })).toEqual(nobody);
  });

  it('takes an event’s row to be its own witness', () => {
    const attribution = given(event('rooms:1', ann), event('rooms:2', bob));
    expect(attribution.of({ table: 'events', key: '["rooms:2","1"]' })).toEqual(bob);
  });

  it.each([null, 'text', 7, { actor: 5, command: [] }])('names nobody from metadata %j', (metadata) => {
    expect(given(event('rooms:1', metadata)).of({ table: 'rooms', key: '["1"]' })).toEqual(nobody);
  });
});
