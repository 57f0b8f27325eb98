export { university } from './catalog.js';
