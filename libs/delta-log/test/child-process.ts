import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const runTypeScript = join(import.meta.dirname, '../../../tools/run-typescript.mjs');

/** A process of its own that runs `code`, which may import `#libs/delta-log`; `folder` is its first argument, `rest` the others. */
export function runChild(code: string, ...args: string[]): ChildProcess {
  const module = `const [folder, ...rest] = process.argv.slice(1);\n${code}`;
  return spawn(process.execPath, ['--import', runTypeScript, '--input-type=module', '-e', module, '--', ...args], {
    cwd: import.meta.dirname, // where the packages are found
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** All that the child said until its end. */
export async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return output;
}
