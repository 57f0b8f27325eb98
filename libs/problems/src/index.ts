export { problemDocument, problemMediaType, type ProblemDocument } from './problem-document.js';
export { problemPage } from './problem-page.js';
export { isProblemCode, problemCodes, problemTypes, type ProblemCode, type ProblemType } from './problem-types.js';
export { invalid, Problem, type ErrorPlace, type ProblemParts, type ValueError } from './problem.js';
