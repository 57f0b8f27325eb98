export { commandLine, isRunning, processName } from './running-process.js';
