// An Express application whose sessions sessiond keeps: `DELETE /logout` ends the session for good, everywhere.
//
//     SESSIOND_URL=http://127.0.0.1:8000 SESSIOND_KEY=… PORT=3000 node app.mjs

import express from 'express';

const { SESSIOND_URL, SESSIOND_KEY, PORT = '3000' } = process.env;
const COOKIE = '__Host-express';
// Browsers take a `Secure` cookie from http://localhost, too.
const FLAGS = { httpOnly: true, secure: true, sameSite: 'lax', path: '/' };
const NO = [401, 403];

class Unanswered extends Error {
    status = 503;
}

// sessiond's answer, or `null` if it says no. Whatever else happens decides nothing: 503, and the cookie stays.
async function ask(method, path, headers, body) {
    let answer;
    try {
        answer = await fetch(`${SESSIOND_URL}/v1${path}`, {
            method,
            headers: { 'content-type': 'application/json', ...headers },
            body: body && JSON.stringify(body),
            redirect: 'error',
            signal: AbortSignal.timeout(5000),
        });
    } catch (cause) {
        throw new Unanswered('The sign-in service cannot be reached; nothing has changed. Please try again.', { cause });
    }
    if (NO.includes(answer.status)) return null;
    if (!answer.ok) throw new Unanswered(`The sign-in service answered ${answer.status}; nothing has changed.`);
    return answer.status === 204 ? {} : answer.json();
}

function secret(request) {
    const cookies = (request.headers.cookie ?? '').split(/; */).map((pair) => pair.split('='));
    return cookies.find(([name]) => name === COOKIE)?.[1];
}

const app = express();
// Only JSON: no form of another site can send that, and no script of one without being asked about first.
app.use(express.json());

app.post('/login', async (request, response) => {
    const { email, password } = request.body ?? {};
    const headers = { 'x-appwrite-key': SESSIOND_KEY, 'x-forwarded-user-agent': request.get('user-agent') ?? '' };
    const session = await ask('POST', '/account/sessions/email', headers, { email, password });
    if (!session) return response.status(401).json({ error: 'Wrong e-mail address or password.' });
    response.cookie(COOKIE, session.secret, FLAGS).status(204).end();
});

app.delete('/logout', async (request, response) => {
    const held = secret(request);
    // A session that is not there, or not any more, is no failure; one that may still be there is.
    if (held) await ask('DELETE', '/account/sessions/current', { 'x-appwrite-session': held });
    response.clearCookie(COOKIE, FLAGS).status(204).end();
});

// Everything below is for people who are signed in.
app.use(async (request, response, next) => {
    const held = secret(request);
    request.user = held && (await ask('GET', '/account', { 'x-appwrite-session': held }));
    if (!request.user) return response.clearCookie(COOKIE, FLAGS).status(401).json({ error: 'Sign in first.' });
    next();
});

app.get('/me', (request, response) => response.json({ name: request.user.name }));

app.use((error, request, response, next) => {
    response.status(error.status ?? 500).json({ error: error.status ? error.message : 'Something went wrong.' });
});

const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`listens on http://127.0.0.1:${server.address().port}`));
