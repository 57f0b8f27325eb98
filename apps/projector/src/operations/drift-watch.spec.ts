import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { DriftWatch } from './drift-watch.js';
import { Operations } from './operations.js';
import type { RebuildReport } from './rebuild/rebuild.js';

/** Rebuilds that end when the test says so. */
class StagedRebuilds {
  drifted: string[];
  isStopped = false;
  readonly begun: string[] = [];
  tidied = 0;
  private ending = Promise.withResolvers<RebuildReport>();

  constructor(...drifted: string[]) {
    this.drifted = drifted;
  }

  rebuild(table: string, _progress: unknown, signal: AbortSignal): Promise<RebuildReport> {
    this.begun.push(table);
    signal.addEventListener('abort', () => this.ending.reject(new Error('aborted')));
    return this.ending.promise;
  }

  async tidy(): Promise<void> {
    this.tidied += 1;
  }

  fail(): void {
    this.ending.reject(new Error('ENOSPC'));
    this.ending = Promise.withResolvers();
  }

  succeed(): void {
    this.drifted = [];
    this.ending.resolve({} as RebuildReport);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

describe('a projection that owns its source', () => {
  it('has its drifted tables rebuilt, each as an operation', async () => {
    const [operations, rebuilds] = [new Operations(), new StagedRebuilds('halls', 'rooms')];
    new DriftWatch(operations, 1).begin({ rebuilds });
    expect(rebuilds.begun).toEqual(['halls', 'rooms']);
    expect(rebuilds.tidied).toBe(1);
    expect(operations.running.map(({ kind, table }) => [kind, table])).toEqual([
      ['rebuild', 'halls'],
      ['rebuild', 'rooms'],
    ]);
    rebuilds.succeed();
    await until(() => operations.running.length === 0);
    expect(operations.list('rebuild').map(({ state }) => state)).toEqual(['done', 'done']);
  });

  it('tries a rebuild that failed again, and no other', async () => {
    const [operations, rebuilds] = [new Operations(), new StagedRebuilds('halls')];
    new DriftWatch(operations, 1).begin({ rebuilds });
    rebuilds.fail();
    await until(() => rebuilds.begun.length === 2);
    rebuilds.succeed();
    await until(() => operations.running.length === 0);
    expect(operations.list('rebuild').map(({ state }) => state)).toEqual(['done', 'failed']);
  });

  it('lets a rebuild be that somebody cancelled', async () => {
    const [operations, rebuilds] = [new Operations(), new StagedRebuilds('halls')];
    new DriftWatch(operations, 0).begin({ rebuilds });
    await operations.stop();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(rebuilds.begun).toEqual(['halls']);
  });

  it('waits for a rebuild that somebody has asked for, and goes on when that fails', async () => {
    const [operations, rebuilds] = [new Operations(), new StagedRebuilds('halls')];
    const asked = Promise.withResolvers<null>();
    operations.start({ kind: 'rebuild', table: 'halls' }, { run: () => asked.promise });
    new DriftWatch(operations, 1).begin({ rebuilds });
    expect(rebuilds.begun).toEqual([]);
    asked.reject(new Error('ENOSPC'));
    await until(() => rebuilds.begun.length === 1);
    rebuilds.succeed();
    await until(() => operations.running.length === 0);
  });

  it('does nothing more once it has ended', async () => {
    const [operations, rebuilds] = [new Operations(), new StagedRebuilds('halls')];
    new DriftWatch(operations, 0).begin({ rebuilds });
    rebuilds.isStopped = true;
    rebuilds.fail();
    await until(() => operations.running.length === 0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(rebuilds.begun).toEqual(['halls']);
  });
});
