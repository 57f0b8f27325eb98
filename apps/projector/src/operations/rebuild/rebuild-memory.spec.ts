import { describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { RebuildMemory } from './rebuild-memory.js';

const tooSmall = () =>
  new Error('Out of Memory Error: failed to allocate data of size 16.0 MiB (478.4 MiB/488.2 MiB used)');

/** Work that fails so often before it is done, and the statements that were run meanwhile. */
async function done(errors: Error[], most: number) {
  const statements: string[] = [];
  const run = (sql: string) => Promise.resolve(void statements.push(sql));
  const memory = new RebuildMemory({ run } as unknown as DuckDBConnection, 512, most);
  const work = async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'done';
  };
  const outcome = await memory.fit(work).catch((error: Error) => error);
  return { outcome, statements };
}

describe('work of a rebuild', () => {
  it('that fits is done once', async () => {
    expect(await done([], 4096)).toEqual({ outcome: 'done', statements: [] });
  });

  it('that does not fit is done again with twice the memory each time', async () => {
    const statements = ["SET memory_limit = '1024MB'", "SET memory_limit = '2048MB'"];
    expect(await done([tooSmall(), tooSmall()], 4096)).toEqual({ outcome: 'done', statements });
  });

  it('fails when the machine has no more to give', async () => {
    const statements = ["SET memory_limit = '1024MB'"];
    expect(await done([tooSmall(), tooSmall(), tooSmall()], 2047)).toEqual({ outcome: tooSmall(), statements });
  });

  it('that fails for another reason is not done again', async () => {
    const error = new Error('IO Error: No space left on device');
    expect(await done([error], 4096)).toEqual({ outcome: error, statements: [] });
  });
});
