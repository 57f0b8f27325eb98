/** `npm run kafka:up` and `kafka:down`. */
import { kafkaJars } from '#libs/embedded-kafka';
import { readConfig } from '#libs/service';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { kafkaVariables } from './config.js';
import { lockDataFolder } from './data-folder-lock.js';
import { cache, pom } from './kafka/capture.js';
import { kafkaFolder } from './kafka/stack-notes.js';
import { bringUp, takeDown } from './kafka/stack.js';
import { refusal } from './refusal.js';

const config = readConfig(kafkaVariables, process.env);
const folder = kafkaFolder(config.DATA_DIR);
const say = (line: string) => void process.stdout.write(`${line}\n`);

try {
  await (process.argv[2] === 'down' ? down() : up());
} catch (error) {
  process.stderr.write(`${refusal(error, folder)}\n`);
  process.exitCode = 1;
}

async function up(): Promise<void> {
  const lock = await lockDataFolder(folder);
  try {
    const jars = await kafkaJars(pom, cache);
    const { brokers, connectUrl } = await bringUp(config, jars, say);
    const { host, pathname } = new URL(config.DATABASE_URL);
    say(
      `The connector ${config.CONNECTOR} captures ${host}${pathname} into the topic ${config.KAFKA_TOPIC} ` +
        `(slot ${config.REPLICATION_SLOT}, publication ${config.PUBLICATION}).\n\n` +
        `A projector reads it with\n` +
        `  CHANGE_SOURCE=kafka KAFKA_BROKERS=${brokers} KAFKA_TOPIC=${config.KAFKA_TOPIC} CONNECT_URL=${connectUrl} ` +
        `REPLICATION_SLOT=${config.REPLICATION_SLOT} ` +
        `CONNECTOR=${config.CONNECTOR}\n` +
        `What it captures: CONNECT_URL=${connectUrl} npm run -s migsbyu -- connector status\n` +
        `Logs and data are in ${relative('.', folder) || folder}. It goes on until npm run kafka:down.`,
    );
  } finally {
    await lock.release();
  }
}

async function down(): Promise<void> {
  if (!existsSync(folder)) return say('Nothing is running.');
  const lock = await lockDataFolder(folder);
  try {
    const ran = await takeDown(folder, say);
    say(
      ran
        ? 'What they know is kept. The slot stays too: the database keeps its log for the next kafka:up.'
        : 'Nothing is running.',
    );
  } finally {
    await lock.release();
  }
}
