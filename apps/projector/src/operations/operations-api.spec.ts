import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createService } from '#libs/service';
import { Projector } from '../projector.js';
import { FoldsController } from './folds.controller.js';
import { OperationDesk } from './operation-desk.js';
import { Operations } from './operations.js';
import type { TellProgress } from './operation.js';
import { RebuildsController } from './rebuilds.controller.js';
import { ResnapshotsController } from './resnapshots.controller.js';

const report = { position: 9, versions: 4 };

/** A projector whose work ends when the test says so. */
class StagedProjector {
  running: object | null = null;
  status = { state: 'retry', error: new Error('connection lost') };
  work = Promise.withResolvers<unknown>();
  progress: TellProgress | null = null;

  constructor() {
    this.begin();
  }

  begin(): void {
    this.work = Promise.withResolvers();
    this.work.promise.catch(() => {}); // of a test that begins nothing
    const foldNow = ({ progress, signal }: { progress: TellProgress; signal: AbortSignal }) =>
      this.do(progress, signal);
    const rebuild = (_table: string, progress: TellProgress, signal: AbortSignal) => this.do(progress, signal);
    this.running = { folding: { folded: 7, foldNow }, rebuilds: { tables: ['halls', 'rooms'], rebuild } };
  }

  resnapshot(signal: AbortSignal, progress: TellProgress): Promise<unknown> {
    return this.do(progress, signal);
  }

  private do(progress: TellProgress, signal: AbortSignal): Promise<unknown> {
    this.progress = progress;
    signal.addEventListener('abort', () => this.work.reject(signal.reason));
    return this.work.promise;
  }
}

const projector = new StagedProjector();
const operations = new Operations();

@Module({
  controllers: [FoldsController, RebuildsController, ResnapshotsController],
  providers: [
    { provide: Projector, useValue: projector },
    { provide: OperationDesk, useFactory: () => new OperationDesk(operations) },
  ],
})
class OperationsModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createService({
    ...{ name: 'projector', title: 'Projector', description: 'A test.', module: OperationsModule },
    ...{ config: { PORT: 0, HOST: '127.0.0.1', LOG_LEVEL: 'silent' }, log: { write: () => {} } },
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(() => app.close());
beforeEach(async () => {
  projector.work.reject(new Error('the test is over'));
  await Promise.all(operations.running.map(({ id }) => operations.whenEnded(id)));
  projector.begin();
});

type Method = 'GET' | 'POST' | 'DELETE';

async function ask(method: Method, url: string, payload?: object) {
  const answer = await app.inject({ method, url, ...(payload && { payload }) });
  const text = answer.payload;
  return { status: answer.statusCode, location: answer.headers['location'], body: text ? JSON.parse(text) : null };
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

describe('a rebuild', () => {
  it('is answered with its address, where its progress shows, then its report', async () => {
    const begun = await ask('POST', '/v1/rebuilds', { table: 'halls' });
    expect(begun).toMatchObject({ status: 202, location: `/v1/rebuilds/${begun.body.id}` });
    expect(begun.body).toEqual({
      ...{ id: begun.body.id, table: 'halls', state: 'running', done: 0, total: null, report: null },
      ...{ failure: null, error: null, created_at: time, finished_at: null },
    });
    projector.progress!(400, 1000);
    expect((await ask('GET', begun.location as string)).body).toMatchObject({
      state: 'running',
      done: 400,
      total: 1000,
    });
    projector.work.resolve(report);
    await operations.whenEnded(begun.body.id);
    const ended = await ask('GET', begun.location as string);
    expect(ended).toMatchObject({ status: 200, body: { state: 'done', report, finished_at: time } });
    expect((await ask('GET', '/v1/rebuilds')).body.data[0]).toEqual(ended.body);
  });

  it('is answered when it has ended, for who waits', async () => {
    const waiting = ask('POST', '/v1/rebuilds?wait=true', { table: 'halls' });
    while (operations.running.length === 0) await new Promise(setImmediate);
    projector.work.resolve(report);
    expect(await waiting).toMatchObject({ status: 200, body: { state: 'done', report } });
  });

  it('that failed tells its code and why', async () => {
    const waiting = ask('POST', '/v1/rebuilds?wait=true', { table: 'halls' });
    while (operations.running.length === 0) await new Promise(setImmediate);
    projector.work.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    expect(await waiting).toMatchObject({
      ...{ status: 200, body: { state: 'failed', failure: 'ENOSPC', error: 'no space left on device', report: null } },
    });
  });

  it('is refused while one of the same table runs, with its address', async () => {
    const { location } = await ask('POST', '/v1/rebuilds', { table: 'halls' });
    expect(await ask('POST', '/v1/rebuilds', { table: 'halls' })).toMatchObject({
      status: 409,
      body: { code: 'already-running', running: location, detail: expect.stringContaining(location as string) },
    });
    expect((await ask('POST', '/v1/rebuilds', { table: 'rooms' })).status).toBe(202);
  });

  it.each([
    [{ table: 'students' }, 422, { pointer: '/table', code: 'not-a-choice', wanted: 'one of halls, rooms' }],
    [{}, 422, { pointer: '/table', code: 'missing' }],
    [{ table: 7 }, 422, { pointer: '/table', code: 'wrong-type' }],
    [{ table: 'halls', force: true }, 400, { pointer: '/force', code: 'unknown-field' }],
  ])('of %j is refused', async (body, status, error) => {
    const answer = await ask('POST', '/v1/rebuilds', body);
    expect(answer).toMatchObject({ status, body: { errors: [error] } });
  });

  it('waits for true or false', async () => {
    const { status, body } = await ask('POST', '/v1/rebuilds?wait=yes', { table: 'halls' });
    expect({ status, body }).toMatchObject({ status: 422, body: { errors: [{ parameter: 'wait' }] } });
    expect((await ask('POST', '/v1/rebuilds?wait=false', { table: 'halls' })).status).toBe(202);
  });

  it('cannot begin while no lake is open, and says why not', async () => {
    projector.running = null;
    const { status, body } = await ask('POST', '/v1/rebuilds', { table: 'halls' });
    expect(status).toBe(503);
    expect(body).toMatchObject({ code: 'unavailable', detail: expect.stringMatching(/retry.*connection lost/) });
  });
});

describe('a fold', () => {
  it('tells up to where everything is folded', async () => {
    const waiting = ask('POST', '/v1/folds?wait=true');
    while (operations.running.length === 0) await new Promise(setImmediate);
    projector.work.resolve(undefined);
    const { status, body } = await waiting;
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { state: 'done', table: null, report: { folded: 7 } },
    });
  });

  it('has an address of its own kind', async () => {
    const { body } = await ask('POST', '/v1/folds');
    expect((await ask('GET', `/v1/folds/${body.id}`)).status).toBe(200);
    const missing = await ask('GET', `/v1/rebuilds/${body.id}`);
    expect(missing).toMatchObject({
      status: 404,
      body: { code: 'not-found', detail: expect.stringMatching(/restart/) },
    });
  });
});

describe('a resnapshot', () => {
  it('is done when the snapshot is in the lake, also asked for while no lake is open', async () => {
    projector.running = null;
    const { location } = await ask('POST', '/v1/resnapshots');
    expect((await ask('GET', location as string)).body).toMatchObject({ state: 'running' });
    projector.work.resolve(4711);
    await operations.whenEnded((location as string).split('/').at(-1)!);
    expect((await ask('GET', location as string)).body).toMatchObject({ state: 'done', report: { position: 4711 } });
  });
});

describe('any operation', () => {
  it.each([
    ['folds', undefined],
    ['rebuilds', { table: 'halls' }],
    ['resnapshots', undefined],
  ])('of %s tells its progress, is cancelled by DELETE, and stays to be seen', async (collection, body) => {
    const { location } = await ask('POST', `/v1/${collection}`, body);
    projector.progress!(3, 8);
    expect((await ask('GET', location as string)).body).toMatchObject({ state: 'running', done: 3, total: 8 });
    expect(await ask('DELETE', location as string)).toMatchObject({ status: 204, body: null });
    expect((await ask('GET', location as string)).body).toMatchObject({ state: 'cancelled', finished_at: time });
    expect((await ask('DELETE', location as string)).status).toBe(204);
  });

  it('that nobody began cannot be cancelled', async () => {
    expect(await ask('DELETE', '/v1/folds/7')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });
});
