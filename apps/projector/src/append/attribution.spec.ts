import { describe, expect, it } from '@jest/globals';
import type { ChangeEvent } from '#libs/change-event';
import { Testimony, type Attribution } from './attribution.js';

const event = (stream_id: string, metadata: unknown): ChangeEvent => ({
  ordinal: 0,
  table: 'events',
  op: 'c',
  key: JSON.stringify([stream_id, '1']),
  before: null,
  after: JSON.stringify({ stream_id, metadata: JSON.stringify(metadata) }),
});
const ann = { actor: 'ann', command: 'Rename', correlation_id: 'c1' };
const bob = { actor: 'bob', command: 'Move', correlation_id: 'c2' };
const nobody = { actor: null, command: null, correlation_id: null };

async function given(...events: ChangeEvent[]): Promise<Attribution> {
  const testimony = new Testimony('events');
  events.forEach((change) => testimony.collect(change));
  return testimony.attribution(() => [events]);
}

describe('attribution', () => {
  it('takes the event of the row’s own stream, composite keys included', async () => {
    const attribution = await given(event('rooms:A/1', ann), event('rooms:A/2', bob));
    expect(attribution({ table: 'rooms', key: '["A","1"]' })).toEqual(ann);
    expect(attribution({ table: 'rooms', key: '["A","2"]' })).toEqual(bob);
  });

  it('takes the transaction’s events for another row, if they agree', async () => {
    expect((await given(event('rooms:1', ann), event('rooms:2', ann)))({ table: 'doors', key: '["7"]' })).toEqual(ann);
    expect((await given(event('rooms:1', ann)))({ table: 'rooms', key: null })).toEqual(ann);
  });

  it('names nobody where they disagree, or where there is no event', async () => {
    expect((await given(event('rooms:1', ann), event('rooms:2', bob)))({ table: 'doors', key: '["7"]' })).toEqual(
      nobody,
    );
    expect((await given())({ table: 'doors', key: '["7"]' })).toEqual(nobody);
  });

  it('takes an event’s row to be its own witness', async () => {
    const attribution = await given(event('rooms:1', ann), event('rooms:2', bob));
    expect(attribution({ table: 'events', key: '["rooms:2","1"]' })).toEqual(bob);
  });

  it.each([null, 'text', 7, { actor: 5, command: [] }])('names nobody from metadata %j', async (metadata) => {
    expect((await given(event('rooms:1', metadata)))({ table: 'rooms', key: '["1"]' })).toEqual(nobody);
  });

  it('takes the last event of a stream that has several, and tells apart origins that differ in one field', async () => {
    const later = { ...ann, correlation_id: 'c3' };
    const attribution = await given(event('rooms:1', ann), event('rooms:2', bob), event('rooms:1', later));
    expect(attribution({ table: 'rooms', key: '["1"]' })).toEqual(later);
    expect((await given(event('rooms:1', ann), event('rooms:2', later)))({ table: 'doors', key: '["7"]' })).toEqual(
      nobody,
    );
  });

  it('reads no transaction again whose events agree', async () => {
    const testimony = new Testimony('events');
    testimony.collect(event('rooms:1', ann));
    testimony.collect(event('rooms:2', ann));
    const again = () => {
      throw new Error('read again');
    };
    expect((await testimony.attribution(again))({ table: 'rooms', key: '["1"]' })).toEqual(ann);
  });
});
