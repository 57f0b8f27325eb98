import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaUnavailable } from './jars.js';

export interface JavaProcess {
  readonly pid: number;
  /** Resolves when it has ended, by `stop` or by itself. */
  readonly exited: Promise<void>;
  /** Resolves when it is down; may be called again. */
  stop(): Promise<void>;
  /** At once, whatever it is doing. */
  kill(): void;
}

export interface JavaLaunch {
  readonly jars: string;
  readonly main: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly logSettings: string;
  /** As java's -Xmx has it. Default: 512m. */
  readonly heap?: string;
  /** Further options of java. */
  readonly options?: readonly string[];
  /** Told of the process before anything waits for it. */
  readonly spawned?: (pid: number) => void;
}

/** It ended while starting. */
export class JavaDidNotStart extends Error {
  readonly code = 'java-did-not-start';
  constructor(
    readonly main: string,
    readonly logFile: string,
    output: string,
  ) {
    super(`${main} ended while starting. Its log ${logFile} ends: ${output}`);
    this.name = 'JavaDidNotStart';
  }
}

/** Milliseconds for an orderly end; what was acknowledged survives a kill as well. */
const patience = 15_000;

/** Resolves as soon as `ready` does with true. @throws KafkaUnavailable, JavaDidNotStart */
export async function startJava(launch: JavaLaunch, ready: () => Promise<boolean>): Promise<JavaProcess> {
  const child = spawnJava(launch);
  let failure: Error | undefined;
  child.once('error', (error) => (failure = error));
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  if (child.pid !== undefined) launch.spawned?.(child.pid);
  const over = () => child.exitCode !== null || child.signalCode !== null;
  while (!(await ready())) {
    if (failure) throw new KafkaUnavailable('There is no java.', { cause: failure });
    if (over()) throw new JavaDidNotStart(launch.main, launch.logFile, tail(launch.logFile));
    await sleep(50);
  }
  return {
    pid: child.pid!,
    exited,
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      if (over()) return;
      child.kill('SIGTERM');
      const impatience = setTimeout(() => child.kill('SIGKILL'), patience);
      await exited;
      clearTimeout(impatience);
    },
  };
}

/** Where Kafka's own log files would go; it stands on the command line, so that a process can be told by its folder. */
export const logsSetting = (folder: string): string => `-Dkafka.logs.dir=${folder}/`;

function spawnJava({ jars, main, logFile, logSettings, heap, options = [], ...launch }: JavaLaunch): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  const machine = [`-Xmx${heap ?? '512m'}`, '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError', ...options];
  const settings = [
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${logSettings}`,
    logsSetting(dirname(logFile)),
  ];
  try {
    // in a process group of its own: a terminal's Ctrl-C must not reach it before its users have drained
    const child = spawn('java', [...machine, ...settings, '-cp', `${jars}/*`, main, ...launch.arguments], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...launch.environment },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

const tail = (file: string): string => readFileSync(file, 'utf8').trim().slice(-2000);
