export { processFolder } from './process-folder.js';
export { commandLine, isRunning, processName } from './running-process.js';
