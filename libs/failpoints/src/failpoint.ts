import { ArmedFailpoints } from './armed-failpoints.js';
import type { FailpointName } from './failpoint-names.js';
import { InvalidFailpoints, parseFailpoints } from './parse-failpoints.js';

let armed: ArmedFailpoints | null = fromEnvironment(process.env);

/**
 * A named step at which a process started with FAILPOINTS dies, fails or waits; everywhere else it is one comparison
 * with null (measured: 1 ns a call, 50 ns with the turn of the queue that its `await` takes). `path` is the table's
 * folder, or the file, that the step belongs to: FAILPOINTS can name its last part.
 * @throws an Error with `code`, `errno` and `syscall` as Node's fs gives it.
 */
export function failpoint(name: FailpointName, path?: string): Promise<void> | void {
  if (armed !== null) return armed.hit(name, path);
}

/** For tests within one process, as if it had been started with FAILPOINTS; null disarms. @throws InvalidFailpoints */
export function armFailpoints(text: string | null, log?: string): void {
  armed = text === null ? null : new ArmedFailpoints(parseFailpoints(text), log);
}

/** A wrong value must not leave a test of crashes without its crashes: the process says so and does not start. */
function fromEnvironment({ FAILPOINTS, FAILPOINTS_LOG }: NodeJS.ProcessEnv): ArmedFailpoints | null {
  if (!FAILPOINTS) return null;
  try {
    return new ArmedFailpoints(parseFailpoints(FAILPOINTS), FAILPOINTS_LOG || undefined);
  } catch (error) {
    if (!(error instanceof InvalidFailpoints)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
