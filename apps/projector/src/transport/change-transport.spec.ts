import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DynamicModule, INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Transaction } from '#libs/change-event';
import { Projector } from '../projector.js';
import type { ChangeSource, LakePosition, Receiver } from '../sources/change-source.js';
import { ChangeTransport } from './change-transport.js';
import { ChangesController } from './changes.controller.js';

/** A source that a test delivers from. */
class ScriptedSource implements ChangeSource {
  receiver: Receiver | null = null;
  readonly log: unknown[] = [];

  async start(from: LakePosition | null, receiver: Receiver, options?: { resnapshot?: boolean }): Promise<void> {
    this.log.push({ from, options });
    this.receiver = receiver;
  }
  durable(commitLsn: number): void {
    this.log.push({ durable: commitLsn });
  }
  async stop(): Promise<void> {
    this.log.push('stopped');
  }
}

const transaction = { header: { txId: '7' } } as Transaction;

describe('a change source as a transport', () => {
  const source = new ScriptedSource();
  const transport = new ChangeTransport(source);
  let accept: (transaction: Transaction) => Promise<void>;
  let service: INestMicroservice;
  beforeAll(async () => {
    const module: DynamicModule = {
      module: class {},
      controllers: [ChangesController],
      providers: [{ provide: Projector, useValue: { accept: (taken: Transaction) => accept(taken) } }],
    };
    service = await NestFactory.createMicroservice(module, { strategy: transport, logger: false });
    await service.listen();
  });
  afterAll(() => service.close());

  const kept: unknown[] = [];
  const failures: Error[] = [];
  beforeEach(async () => {
    source.log.splice(0);
    await transport.start(
      null,
      { progress: (progress) => void kept.push(progress), failed: (error) => void failures.push(error) },
      { resnapshot: true },
    );
  });

  it('hands over each transaction itself, and ends its delivery when it is accepted', async () => {
    const accepted = Promise.withResolvers<void>();
    const taken: Transaction[] = [];
    accept = (one) => {
      taken.push(one);
      return accepted.promise;
    };
    let delivered = false;
    const delivery = source.receiver!.deliver(transaction).then(() => (delivered = true));
    for (let i = 0; i < 5; i++) await turn();
    expect({ delivered, same: taken[0] === transaction, times: taken.length }).toEqual({
      ...{ delivered: false, same: true, times: 1 },
    });
    accepted.resolve();
    await delivery;
  });

  it('refuses a delivery with the very error that accepting it failed with', async () => {
    const error = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    accept = () => Promise.reject(error);
    await expect(source.receiver!.deliver(transaction)).rejects.toBe(error);
    accept = () => {
      throw error;
    };
    await expect(source.receiver!.deliver(transaction)).rejects.toBe(error);
    accept = () => Promise.resolve();
    await expect(source.receiver!.deliver(transaction)).resolves.toBeUndefined();
  });

  it('passes on what the lake and the source say to each other', async () => {
    transport.durable(90);
    void source.receiver!.progress({ lsn: 95, sourceTime: 1n });
    source.receiver!.failed(new Error('connection lost'));
    await transport.stop();
    expect(source.log).toEqual([{ from: null, options: { resnapshot: true } }, { durable: 90 }, 'stopped']);
    expect({ kept, failures }).toEqual({
      kept: [{ lsn: 95, sourceTime: 1n }],
      failures: [new Error('connection lost')],
    });
  });
});
