export { armFailpoints, failpoint } from './failpoint.js';
export { failpoints, type FailpointName } from './failpoint-names.js';
