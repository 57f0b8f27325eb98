export { meaning } from './meaning.js';
export { valuesOf } from './value-pools.js';
