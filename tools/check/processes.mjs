import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs a script of this repository or of node_modules with this Node.
 * @returns {Promise<{status: number, stdout: string, output: string}>} `output` is both streams as they came.
 */
export function node(script, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, output] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => ((stdout += text), (output += text)));
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ status: code ?? 1, stdout, output }));
  });
}

/** As `node`, for a tool that prints JSON. @throws when it prints something else. */
export async function nodeJson(script, ...args) {
  const { stdout, output } = await node(script, ...args);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`${script} printed no JSON:\n${output.slice(0, 2000)}`);
  }
}

/** Every file that is, or could be, committed. */
export function repositoryFiles() {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return listed.split('\0').filter((file) => file && existsSync(`${root}${file}`));
}
