/**
 * Everything on the way from Postgres through Debezium and Kafka into the lake is killed, disturbed or misled while a workload
 * goes on; after each, the lake is what the source's own record says.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaCanRun, KafkaStack } from '#libs/test-kafka';
import { BankOnKafka } from './bank-on-kafka.js';

jest.setTimeout(180_000);

const whole = { lost: 0, doubled: 0, overlapping: 0, torn: 0, wrong: [] };
/** Rows that a large transaction inserts, and takes away again. */
const many = 15_000;

(kafkaCanRun() ? describe : describe.skip)('Debezium and Kafka under load', () => {
  let stack: KafkaStack;
  let bank: BankOnKafka;

  beforeAll(async () => {
    stack = await KafkaStack.start();
    bank = await BankOnKafka.open(stack);
    await bank.transactions(20);
  });
  afterAll(async () => {
    await bank?.close();
    await stack?.stop();
  });

  const expectWhole = async (snapshots = 1) => {
    await bank.transactions(20);
    const { seed } = bank;
    expect({ seed, ...(await bank.lane.check(bank.projector)) }).toMatchObject({ seed, ...whole, snapshots });
  };

  it('bring everything once where Connect is killed', async () => {
    process.kill(stack.connect.pid, 'SIGKILL');
    await stack.restartConnect();
    await expectWhole();
  });

  it('go on by themselves after the broker was killed, and let projectors end meanwhile', async () => {
    process.kill(stack.broker.pid, 'SIGKILL');
    await stack.broker.exited;
    await bank.transactions(20);
    await bank.projector.end('SIGTERM'); // it streams
    const second = bank.lane.start('whole', {});
    await second.url;
    await second.end('SIGTERM'); // it opens
    expect([bank.projector.exitCode, second.exitCode]).toEqual([0, 0]); // 1: it was broken off, after ten seconds
    bank.projector = bank.lane.start('whole', {});
    await stack.restartBroker();
    await expectWhole();
  });

  it('go on by themselves after Postgres was killed, and Connect with it', async () => {
    process.kill(stack.connect.pid, 'SIGKILL');
    await bank.killPostgres();
    await stack.restartConnect();
    await bank.restartPostgres();
    await expectWhole();
    expect(await bank.isVerified()).toBe(true);
  });

  it('let one of two projectors write, and the other take over', async () => {
    const before = await bank.members(); // of projectors that were killed a moment ago, too
    const second = bank.lane.start('whole', {});
    while ((await bank.members()).every(({ id }) => before.some((known) => known.id === id))) await sleep(20);
    await bank.transactions(20);
    await bank.projector.end('SIGKILL');
    bank.projector = second;
    await expectWhole();
    const [reading, readingNow] = [before, await bank.members()].map((members) => members.filter(({ reads }) => reads));
    expect([reading, readingNow]).toEqual([[expect.anything()], [expect.anything()]]);
    expect(readingNow![0]!.id).not.toBe(reading![0]!.id);
  });

  it('follow columns that are added, renamed and dropped', async () => {
    for (const change of [`ADD note text DEFAULT 'noted'`, 'RENAME note TO remark', 'DROP remark']) {
      await bank.query(`ALTER TABLE gauges ${change}`);
      await bank.transactions(10);
    }
    await expectWhole();
  });

  it('stop at a record that cannot be read, by its place, also after a restart; a resnapshot leads past it', async () => {
    const offset = await bank.send('{"op":"x"}');
    const place = `topic bank, partition 0, at offset ${offset} cannot be read`;
    expect((await bank.until(bank.projector, 'park')).error).toContain(place);
    await bank.projector.end('SIGKILL');
    bank.projector = bank.lane.start('whole', {});
    expect((await bank.until(bank.projector, 'park')).error).toContain(place);
    const ready = await fetch(`${await bank.projector.url}/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { code: 'source-unreadable', detail: expect.stringContaining(place) },
    ]);
    await bank.resnapshot();
    await expectWhole(2);
  });

  it('stop where the broker lost the topic; a resnapshot brings it back', async () => {
    await bank.admin.deleteTopics({ topics: ['bank'] });
    expect((await bank.until(bank.projector, 'park')).error).toMatch(/does not exist|the lake goes on at/);
    await bank.transactions(20);
    await bank.resnapshot();
    await expectWhole(3);
  });

  it('bring a large transaction once where Connect is killed inside of it, and the projector, too', async () => {
    const begin = await bank.topicEnd();
    await bank.query(largeTransaction);
    while ((await bank.topicEnd()) < begin + 1000) await sleep(2);
    process.kill(stack.connect.pid, 'SIGKILL');
    await stack.connect.exited;
    expect((await bank.topicEnd()) - begin).toBeLessThan(2 * many);
    await bank.projector.end('SIGKILL');
    bank.projector = bank.lane.start('whole', {});
    await stack.restartConnect();
    await expectWhole(3);
  });

  it('bring a row of almost 10 MB, name one above, and bring it as soon as larger ones may pass', async () => {
    await bank.query(rowOf(10_400_000));
    await bank.query(rowOf(11_000_000));
    const told = await bank.untilUnready('larger than may be sent');
    expect(told).toMatch(
      /The message is 11\d{6} bytes .*max\.message\.bytes, and producer\.override\.max\.request\.size/,
    );
    await bank.allow(30_000_000);
    await expectWhole(3);
    expect(await bank.isVerified()).toBe(true);
  });
});

const largeTransaction = `BEGIN;
  INSERT INTO gauges SELECT 'L' || i, i FROM generate_series(1, ${many}) AS i;
  UPDATE counters SET n = n + 1 WHERE id = 'transactions';
  DELETE FROM gauges WHERE id LIKE 'L%';
  COMMIT`;

const rowOf = (characters: number) => `BEGIN;
  UPDATE counters SET n = n + 1 WHERE id = 'transactions';
  UPDATE accounts SET owner = repeat('0123456789', ${characters / 10}) WHERE id = 'rest';
  UPDATE accounts SET owner = NULL WHERE id = 'rest';
  COMMIT`;
