export {
  decodeConsistencyToken,
  encodeConsistencyToken,
  InvalidConsistencyToken,
  type ConsistencyToken,
} from './consistency-token.js';
