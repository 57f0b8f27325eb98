import { describe, expect, it } from '@jest/globals';
import { Fenced } from '#libs/delta-log';
import { reactionTo } from './reaction.js';
import { SourceChanged } from './sources/change-source.js';
import { WatermarkReplaced } from './watermark/watermark-keeper.js';

const coded = (code: string) => Object.assign(new Error(code), { code });

describe('a failure', () => {
  it.each([
    ['a source that is another one', new SourceChanged('slot-missing', 'The slot is gone.'), 'park'],
    ['a record that cannot be read', coded('unreadable-record'), 'park'],
    ['a topic that is compacted', coded('topic-compacted'), 'park'],
    ['a lake that another one writes', new Fenced('changelog', 7), 'standby'],
    ['a slot that another one reads', coded('slot-in-use'), 'standby'],
    ['a watermark that another one wrote', new WatermarkReplaced('lake'), 'standby'],
    ['a disk that is full', coded('ENOSPC'), 'retry'],
    ['a server that is gone', coded('ECONNREFUSED'), 'retry'],
    ['anything else', new TypeError('x is not a function'), 'retry'],
  ] as const)('of %s asks for what leads on', (_, error, reaction) => {
    expect(reactionTo(error)).toBe(reaction);
  });
});
