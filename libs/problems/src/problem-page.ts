import { problemCodes, problemTypes, type ProblemCode } from './problem-types.js';

/** The page behind a problem's `type`: what it means and what to do. Plain HTML, no script. */
export function problemPage(code: ProblemCode): string {
  const { status, title, explanation } = problemTypes[code];
  const others = problemCodes.map((other) => `<li><a href="${other}">${other}</a></li>`).join('');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${code}: ${title}</title></head>
<body>
<main><h1>${title}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
<p>${explanation.replace(/`([^`]+)`/g, '<code>$1</code>')}</p></main>
<nav><h2>All problems</h2><ul>${others}</ul></nav>
</body>
</html>
`;
}
