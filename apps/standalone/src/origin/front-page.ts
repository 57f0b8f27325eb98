interface Link {
  readonly href: string;
  readonly title: string;
  readonly about: string;
}

const links: readonly Link[] = [
  {
    href: '/api/commands/docs',
    title: 'Commands',
    about: 'Create, change and remove; every change is an event with its author.',
  },
  { href: '/api/queries/docs', title: 'Queries', about: 'What is true now, and what was true at any moment.' },
  { href: '/api/projector/docs', title: 'Projector', about: 'How changes reach the lake, and how it is kept.' },
];

/** The way to the API documents. Plain HTML, no script. */
export const frontPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>MigsbyU</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem; }
li { margin: 1rem 0; list-style: none; } ul { padding: 0; } p { margin: 0; }
a { font-weight: 600; }
</style>
</head>
<body>
<main>
<h1>MigsbyU</h1>
<p>A university's course management that forgets nothing.</p>
<ul>
${links.map(({ href, title, about }) => `<li><a href="${href}">${title}</a><p>${about}</p></li>`).join('\n')}
</ul>
</main>
<footer><a href="/api/openapi.json">All three as one OpenAPI document</a> · <a href="/health/ready">Health</a></footer>
</body>
</html>
`;
