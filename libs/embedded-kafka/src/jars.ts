import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Java or Maven is missing, or Maven could not bring what Kafka needs. */
export class KafkaUnavailable extends Error {
  readonly code = 'kafka-unavailable';
  constructor(problem: string, options?: ErrorOptions) {
    super(
      `${problem} Kafka without Docker needs Java 17 or newer and Maven: apt-get install openjdk-17-jre-headless maven`,
      options,
    );
    this.name = 'KafkaUnavailable';
  }
}

/**
 * The folder with the jars that `pom` names, brought from Maven Central once a version of `pom`; complete or absent.
 * @throws KafkaUnavailable
 */
export async function kafkaJars(pom: string, cache: string): Promise<string> {
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cache, `kafka-${version}`);
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}.draft`;
  await mkdir(cache, { recursive: true });
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${draft}`, '-DincludeScope=runtime'];
  try {
    await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, ...goal]);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (existsSync(folder)) return folder; // another process was faster
    const { code, stdout } = error as { code?: unknown; stdout?: string };
    const problem = code === 'ENOENT' ? 'There is no mvn.' : `Maven failed: ${stdout?.trim().slice(0, 1000)}`;
    throw new KafkaUnavailable(problem, { cause: error });
  }
  return folder;
}
