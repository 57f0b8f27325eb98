import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Transaction } from '#libs/change-event';
import { Fenced } from '#libs/delta-log';
import type { Appended } from './append/changelog-appender.js';
import type { ProjectionEvents } from './projection-events.js';
import type { Projection } from './projection.js';
import { Projector, type ProjectorOptions, type State } from './projector.js';
import { SourceChanged, type Receiver } from './sources/change-source.js';
import type { ChangeTransport } from './transport/change-transport.js';

type Failed = Pick<Receiver, 'failed'>;

/** Settles only when it is told to. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, resolve };
}

const lost = () => Object.assign(new Error('connection lost'), { code: 'ECONNREFUSED' });
const inUse = () => Object.assign(new Error('slot is in use'), { code: 'slot-in-use' });
const changed = () => new SourceChanged('slot-replaced', 'The slot is another one.');
const ignore = () => {};
const transaction = { header: { txId: '1' } } as Transaction;

/**
 * Lake and source that do nothing but say what was asked of them, and what a test makes of it. Like the real source, its
 * start ends with an error when it is stopped, and it stops only when its delivery has settled.
 */
class Stage {
  readonly log: string[] = [];
  readonly states: State[] = [];
  readonly pauses: number[] = [];
  /** What the next openings and starts do; then they succeed. */
  readonly openings: (() => Promise<void>)[] = [];
  readonly starts: (() => Promise<void>)[] = [];
  /** What is found where somebody looks whether another one has written to the lake. */
  readonly replacements: (() => Promise<void>)[] = [];
  /** Of the life that is under way. */
  events: ProjectionEvents | null = null;
  receiver: Failed | null = null;
  accepting: (transaction: Transaction) => Promise<void> = async () => {};
  /** Whether pauses end by themselves. */
  pausesEnd = true;
  private stopSource = held();
  private delivery: Promise<void> = Promise.resolve();
  private lives = 0;
  private sources = 0;

  readonly projector: Projector;

  constructor(options: Partial<ProjectorOptions> = {}) {
    const transport = {
      start: (_: unknown, receiver: Failed, { resnapshot }: { resnapshot: boolean }) =>
        this.start(receiver, resnapshot),
      stop: () => this.stop(),
      durable: (lsn: number) => this.log.push(`durable ${lsn}`),
    };
    this.projector = new Projector(transport as unknown as ChangeTransport, {
      open: (events) => this.open(events),
      events: {
        ...{ appended: ignore, folded: ignore, foldFailed: ignore, upkeepFailed: ignore, suspiciousClock: ignore },
      },
      stateChanged: ({ state }) => this.states.push(state),
      resnapshot: false,
      sleep: async (milliseconds, signal) => {
        this.pauses.push(milliseconds);
        if (signal.aborted || (this.pausesEnd && milliseconds < 100_000)) return;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
      ...options,
    });
  }

  appended(commitLsn: number, snapshot = false): void {
    this.events!.appended({ tip: { commitLsn, position: 4711 }, changes: 1, snapshot } as Appended);
  }

  /** The source delivers as long as `accepting` takes. */
  deliver(): void {
    this.delivery = this.projector.accept(transaction).catch(ignore);
  }

  async until(state: State): Promise<void> {
    for (let turns = 0; this.projector.status.state !== state; turns++) {
      if (turns > 200) throw new Error(`${this.projector.status.state} instead of ${state}: ${this.log.join(', ')}`);
      await turn();
    }
  }

  /** Waits until it has come to stream so often. */
  async streams(times: number): Promise<void> {
    for (let turns = 0; this.states.filter((state) => state === 'streaming').length < times; turns++) {
      if (turns > 200) throw new Error(`not ${times} times: ${this.log.join(', ')}`);
      await turn();
    }
  }

  get isIdle(): boolean {
    return this.lives === 0 && this.sources === 0;
  }

  private async open(events: ProjectionEvents): Promise<Projection> {
    if (++this.lives > 1) this.log.push('TWO LIVES');
    this.log.push('open');
    try {
      await this.openings.shift()?.();
    } catch (error) {
      this.lives -= 1;
      throw error;
    }
    this.events = events;
    const projection = {
      appender: { lakePosition: null },
      folding: { stop: async () => void this.log.push('stop folding') },
      accept: (transaction: Transaction) => this.accepting(transaction),
      progress: async () => {},
      refuseReplaced: async () => void (await this.replacements.shift()?.()),
      close: async () => {
        await turn();
        this.lives -= 1;
        this.log.push('close');
      },
    };
    return projection as unknown as Projection;
  }

  private async start(receiver: Failed, resnapshot: boolean): Promise<void> {
    if (++this.sources > 1) this.log.push('TWO SOURCES');
    this.log.push(resnapshot ? 'start with a resnapshot' : 'start');
    this.receiver = receiver;
    this.stopSource = held();
    const stopped = this.stopSource.promise.then(() => Promise.reject(new Error('The source was stopped.')));
    await Promise.race([this.starts.shift()?.(), stopped]);
    stopped.catch(ignore);
  }

  private async stop(): Promise<void> {
    this.stopSource.resolve();
    await this.delivery;
    await turn();
    this.sources = 0;
    this.log.push('stop source');
  }
}

async function streaming(options: Partial<ProjectorOptions> = {}): Promise<Stage> {
  const stage = new Stage(options);
  stage.projector.start();
  await stage.until('streaming');
  return stage;
}

const failing = (error: () => Error, times = 1) =>
  Array.from({ length: times }, () => async () => {
    throw error();
  });
const ending = ['stop folding', 'stop source', 'close'];

describe('a projector', () => {
  it('opens the lake, then the source, once however often it is started', async () => {
    const stage = await streaming();
    stage.projector.start();
    for (let i = 0; i < 10; i++) await turn();
    expect(stage.log).toEqual(['open', 'start']);
    expect(stage.states).toEqual(['opening', 'streaming']);
    stage.appended(90);
    expect(stage.log.at(-1)).toBe('durable 90');
    await stage.projector.stop();
  });

  it('begins anew after a failure, from the lake on, when the life before has ended whole', async () => {
    const stage = await streaming();
    stage.receiver!.failed(lost());
    await stage.streams(2);
    stage.events!.failed(new Error('disk is full'));
    await stage.streams(3);
    expect(stage.log).toEqual(['open', 'start', ...ending, 'open', 'start', ...ending, 'open', 'start']);
    await stage.projector.stop();
  });

  it('waits longer and longer while it fails, and short again once something was appended', async () => {
    const stage = new Stage();
    stage.openings.push(...failing(lost, 8));
    stage.projector.start();
    await stage.until('streaming');
    expect(stage.pauses).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    stage.appended(90);
    stage.receiver!.failed(lost());
    await stage.streams(2);
    expect(stage.pauses.at(-1)).toBe(200);
    expect(stage.projector.status.error).toBeNull();
    await stage.projector.stop();
  });

  it.each([
    ['a slot in use', inUse],
    ['a lake that another one writes', () => new Fenced('changelog', 7)],
  ])('is a standby behind %s, and asks again', async (_, error) => {
    const stage = new Stage();
    stage.starts.push(...failing(error, 2));
    stage.projector.start();
    await stage.until('streaming');
    expect(stage.states).toEqual(['opening', 'standby', 'opening', 'standby', 'opening', 'streaming']);
    await stage.projector.stop();
  });

  it('takes nothing in while no lake is open', async () => {
    const stage = new Stage();
    await expect(stage.projector.accept(transaction)).rejects.toThrow('closed');
  });
});

describe('a source that has changed', () => {
  it.each(['at its start', 'later'])(
    '%s, for its owner of before, is no other one: the lake is opened anew',
    async (when) => {
      const stage = new Stage();
      stage.replacements.push(() => Promise.reject(new Fenced('changelog', 7)));
      if (when === 'at its start') stage.starts.push(...failing(changed));
      stage.projector.start();
      await stage.until('streaming');
      if (when === 'later') stage.receiver!.failed(changed());
      await stage.streams(when === 'later' ? 2 : 1);
      expect(stage.states.filter((state) => state === 'standby' || state === 'park')).toEqual(['standby']);
      expect(stage.log).toEqual(['open', 'start', ...ending, 'open', 'start']);
      await stage.projector.stop();
    },
  );

  it('parks the projector until somebody asks for a resnapshot', async () => {
    const stage = new Stage();
    stage.starts.push(...failing(changed));
    stage.projector.start();
    await stage.until('park');
    for (let i = 0; i < 20; i++) await turn();
    expect(stage.log).toEqual(['open', 'start', ...ending]);
    expect(stage.projector.status).toMatchObject({ state: 'park', error: { change: 'slot-replaced' } });
    void stage.projector.resnapshot();
    await stage.until('streaming');
    expect(stage.log.slice(5)).toEqual(['open', 'start with a resnapshot']);
    await stage.projector.stop();
  });

  it('is snapshotted without being asked where that is wanted, but not again and again without a pause', async () => {
    const stage = new Stage({ resnapshot: true });
    stage.starts.push(...failing(changed, 4));
    stage.projector.start();
    await stage.until('streaming');
    const starts = stage.log.filter((line) => line.startsWith('start'));
    expect(starts).toEqual(['start', ...Array.from({ length: 4 }, () => 'start with a resnapshot')]);
    expect(stage.pauses).toEqual([200, 400, 800, 1600]);
    expect(stage.states).not.toContain('park');
    await stage.projector.stop();
  });

  it('is not where the source is the same, and only something in it cannot be read: that is a person’s to see', async () => {
    const stage = new Stage({ resnapshot: true });
    const unreadable = Object.assign(new Error('It cannot be read.'), { code: 'unreadable-record' });
    stage.starts.push(...failing(() => unreadable, 1));
    stage.projector.start();
    await stage.until('park');
    for (let i = 0; i < 20; i++) await turn();
    expect(stage.log.filter((line) => line.startsWith('start'))).toEqual(['start']);
    void stage.projector.resnapshot();
    await stage.until('streaming');
    await stage.projector.stop();
  });
});

describe('a request for a resnapshot', () => {
  const starts = ({ log }: Stage) => log.filter((line) => line.startsWith('start'));

  it('ends the life that streams, and holds until a snapshot is in the lake', async () => {
    const stage = await streaming();
    void stage.projector.resnapshot();
    await stage.streams(2);
    stage.appended(80); // no snapshot: what the old epoch still had
    stage.events!.failed(new Error('disk is full')); // the snapshot was taken in, and is not in the lake
    await stage.streams(3);
    stage.appended(90, true);
    stage.receiver!.failed(lost());
    await stage.streams(4);
    expect(starts(stage)).toEqual(['start', 'start with a resnapshot', 'start with a resnapshot', 'start']);
    await stage.projector.stop();
  });

  it.each(['openings', 'starts'] as const)('is not lost on the way (%s)', async (where) => {
    const stage = new Stage();
    const pending = held();
    stage[where].push(() => pending.promise);
    stage.projector.start();
    for (let i = 0; i < 10; i++) await turn();
    void stage.projector.resnapshot();
    pending.resolve();
    for (let i = 0; i < 10; i++) await turn();
    await stage.until('streaming');
    expect(starts(stage).at(-1)).toBe('start with a resnapshot');
    await stage.projector.stop();
  });

  it('is told how much of the snapshot has come', async () => {
    const stage = await streaming();
    const told: number[] = [];
    void stage.projector.resnapshot(undefined, (done) => void told.push(done));
    await stage.streams(2);
    async function* changes() {
      yield [{}, {}];
      yield [{}];
    }
    const taken: number[] = [];
    stage.accepting = async (transaction) => {
      for await (const chunk of transaction.changes) taken.push(chunk.length);
    };
    await stage.projector.accept({ header: { txId: '0', opens: {} }, changes: changes() } as unknown as Transaction);
    expect({ told, taken }).toEqual({ told: [2, 3], taken: [2, 1] });
    await stage.projector.stop();
  });

  it('ends a pause', async () => {
    const stage = new Stage();
    stage.pausesEnd = false;
    stage.openings.push(...failing(lost));
    stage.projector.start();
    await stage.until('retry');
    void stage.projector.resnapshot();
    await stage.until('streaming');
    expect(starts(stage)).toEqual(['start with a resnapshot']);
    await stage.projector.stop();
  });
});

describe('a resnapshot that is called off', () => {
  const reason = new Error('called off');
  const starts = ({ log }: Stage) => log.filter((line) => line.startsWith('start'));
  const settled = async (asked: Promise<number>) => {
    let result: unknown = 'pending';
    asked.then(
      (position) => (result = position),
      (error) => (result = error),
    );
    for (let i = 0; i < 20; i++) await turn();
    return result;
  };

  it('ends the life that takes it, and the next goes on where the lake stands', async () => {
    const stage = await streaming();
    const calling = new AbortController();
    const asked = stage.projector.resnapshot(calling.signal);
    await stage.streams(2);
    calling.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await stage.streams(3);
    expect(starts(stage)).toEqual(['start', 'start with a resnapshot', 'start']);
    await stage.projector.stop();
  });

  it('is over no sooner than nothing of it can come any more', async () => {
    const stage = await streaming();
    const calling = new AbortController();
    const asked = stage.projector.resnapshot(calling.signal);
    await stage.streams(2);
    const delivery = held();
    stage.accepting = () => delivery.promise;
    stage.deliver();
    calling.abort(reason);
    expect(await settled(asked)).toBe('pending');
    delivery.resolve();
    expect(await settled(asked)).toBe(reason);
    await stage.projector.stop();
  });

  it('too late is done', async () => {
    const stage = await streaming();
    const calling = new AbortController();
    const asked = stage.projector.resnapshot(calling.signal);
    await stage.streams(2);
    calling.abort(reason);
    stage.appended(90, true); // it was being committed
    expect(await settled(asked)).toBe(4711);
    await stage.projector.stop();
  });

  it('by one is still taken for another', async () => {
    const stage = await streaming();
    const calling = new AbortController();
    const called = stage.projector.resnapshot(calling.signal);
    const asked = stage.projector.resnapshot();
    calling.abort(reason);
    await expect(called).rejects.toBe(reason);
    await stage.until('streaming');
    expect(starts(stage).at(-1)).toBe('start with a resnapshot');
    stage.appended(90, true);
    expect(await settled(asked)).toBe(4711);
    await stage.projector.stop();
  });

  it('leaves a projector parked that was', async () => {
    const stage = new Stage();
    stage.starts.push(...failing(changed));
    stage.projector.start();
    await stage.until('park');
    const calling = new AbortController();
    const asked = stage.projector.resnapshot(calling.signal);
    stage.starts.push(...failing(changed));
    calling.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await stage.until('park');
    await stage.projector.stop();
  });

  it('by the end of the projector is over with it', async () => {
    const stage = await streaming();
    const calling = new AbortController();
    const asked = stage.projector.resnapshot(calling.signal);
    const stopped = stage.projector.stop();
    calling.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await stopped;
  });
});

describe('stopping', () => {
  const never = () => new Promise<void>(() => {});

  it('before and after everything resolves', async () => {
    const stage = new Stage();
    await stage.projector.stop();
    stage.projector.start();
    await stage.projector.stop();
    expect(stage.log).toEqual([]);
    expect(stage.projector.status.state).toBe('stopped');
  });

  it('while the lake is being opened does not start the source', async () => {
    const stage = new Stage();
    const opening = held();
    stage.openings.push(() => opening.promise);
    stage.projector.start();
    await turn();
    const stopped = stage.projector.stop();
    opening.resolve();
    await stopped;
    expect(stage.log).toEqual(['open', ...ending]);
  });

  it('while the source does not come up makes it give up', async () => {
    const stage = new Stage();
    stage.starts.push(never);
    stage.projector.start();
    for (let i = 0; i < 10; i++) await turn();
    await stage.projector.stop();
    expect(stage.log).toEqual(['open', 'start', ...ending]);
  });

  it.each(['retry', 'standby', 'park'] as const)('in %s does not wait', async (state) => {
    const stage = new Stage();
    stage.pausesEnd = false;
    stage.starts.push(...failing({ retry: lost, standby: inUse, park: changed }[state]));
    stage.projector.start();
    await stage.until(state);
    await stage.projector.stop();
    expect(stage.log).toEqual(['open', 'start', ...ending]);
  });

  it('in the middle of a delivery lets it end first', async () => {
    const stage = await streaming();
    const delivery = held();
    stage.accepting = () => delivery.promise.then(() => void stage.log.push('accepted'));
    stage.deliver();
    const stopped = stage.projector.stop();
    for (let i = 0; i < 10; i++) await turn();
    expect(stage.projector.status.state).toBe('streaming');
    delivery.resolve();
    await stopped;
    expect(stage.log).toEqual(['open', 'start', 'stop folding', 'accepted', 'stop source', 'close']);
  });

  it.each([true, false])('while a delivery waits for folds lets it go (streaming: %s)', async (isStreaming) => {
    const stage = new Stage();
    const released = held();
    stage.accepting = () => released.promise;
    // the first delivery of a new epoch, its snapshot, comes while the source starts
    if (!isStreaming) stage.starts.push(() => stage.projector.accept(transaction));
    stage.projector.start();
    for (let i = 0; i < 10; i++) await turn();
    if (isStreaming) stage.deliver();
    Object.assign(stage.projector.running!.folding, {
      stop: async () => {
        stage.log.push('stop folding');
        released.resolve();
      },
    });
    await stage.projector.stop();
    expect(stage.log).toEqual(['open', 'start', ...ending]);
  });
});

describe('whatever happens', () => {
  /** Mulberry32: 0 ≤ x < 1. */
  function randomOf(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  it.each(Array.from({ length: 30 }, (_, i) => i + 1))('no two lives are there at once (seed %d)', async (seed) => {
    const random = randomOf(seed);
    const stage = new Stage({ resnapshot: random() < 0.5 });
    const happenings: (() => unknown)[] = [
      () => stage.receiver?.failed([lost, inUse, changed][Math.floor(random() * 3)]!()),
      () => stage.events?.failed(lost()),
      () => stage.events?.failed(new Fenced('changelog', 1)),
      () => void stage.projector.resnapshot(),
      () => stage.projector.start(),
      () => stage.openings.push(() => turn().then(() => (random() < 0.3 ? Promise.reject(lost()) : undefined))),
      () => stage.starts.push(() => turn().then(() => (random() < 0.3 ? Promise.reject(changed()) : undefined))),
      () => stage.appended(1, random() < 0.5),
      turn,
      turn,
    ];
    stage.projector.start();
    await stage.until('streaming');
    for (let step = 0; step < 60; step++) await happenings[Math.floor(random() * happenings.length)]!();
    await stage.projector.stop();
    expect({ seed, log: stage.log.filter((line) => line.startsWith('TWO')) }).toEqual({ seed, log: [] });
    expect(stage.isIdle).toBe(true);
    expect(stage.projector.status.state).toBe('stopped');
  });
});
