/**
 * npm tells a SIGTERM to the shell between it and its script. The shell passes nothing on: it dies, and only that tells.
 * What was not started by npm may well outlive its parent, and is left alone.
 */
export function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch); // once: a second signal would stop by force what takes its time
    process.kill(process.pid, 'SIGTERM');
  }, 300);
  watch.unref();
}
