// The main path with npm's `node-appwrite`, just as it is installed. Tells what it has checked, and ends at the first difference.

const { Account, AppwriteException, Client, ID, Query, Users } = require('node-appwrite');
const { isDeepStrictEqual } = require('node:util');

const { SESSIOND_ENDPOINT: ENDPOINT, SESSIOND_KEY: KEY } = process.env;
const PASSWORD = 'a few words in a row';
const OTHER_PASSWORD = 'seven brave otters juggle';
const UNKNOWN_SESSION = '01890000-0000-7000-8000-000000000000';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

function same(what, got, wanted) {
    if (!isDeepStrictEqual(got, wanted)) {
        throw new Error(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
    }
    console.log('ok:', what);
}

const holds = (what, held) => same(what, Boolean(held), true);

async function refused(what, code, type, call) {
    let got;
    try {
        got = await call();
    } catch (error) {
        holds(`${what}: an exception of the SDK, ${error}`, error instanceof AppwriteException && error.message);
        return same(`${what}: refused`, [error.code, error.type], [code, type]);
    }
    throw new Error(`${what}: ${JSON.stringify(got)}, not refused with ${code} ${type}`);
}

const guest = () => new Client().setEndpoint(ENDPOINT).setProject('default');
const withKey = () => guest().setKey(KEY);
const signedIn = ({ secret }) => new Account(guest().setSession(secret));
// A server that signs people in has a key: only then is the secret told.
const signIn = (email, password = PASSWORD) => new Account(withKey()).createEmailPasswordSession({ email, password });
const isSignedOut = (what, account) => refused(what, 401, 'general_unauthorized_scope', () => account.get());
const idsOf = ({ users, sessions }) => (users ?? sessions).map((one) => one.$id);

async function signUp() {
    const anybody = new Account(guest());
    const create = (email, password) => anybody.create({ userId: ID.unique(), email, password, name: 'Grace Hopper' });
    const user = await create('Grace@Example.com', PASSWORD);
    const { name, email, status, labels, prefs, targets } = user;
    same('create: the particulars', [name, email, status, labels], ['Grace Hopper', 'grace@example.com', true, []]);
    same('create: no preferences, no targets', [{ ...prefs }, targets], [{}, []]);
    await refused('create: the address is taken', 409, 'user_already_exists', () => create('grace@example.com', PASSWORD));
    await refused('create: a short password', 400, 'general_argument_invalid', () => create('x@example.com', 'short'));
    await isSignedOut('create: signs nobody in', anybody);
    return user;
}

async function sessions(user, other) {
    const wrong = 'wrong words in a row';
    await refused('sign in: wrong password', 401, 'user_invalid_credentials', () => signIn(user.email, wrong));
    await refused('sign in: unknown address', 401, 'user_invalid_credentials', () => signIn('nobody@example.com', wrong));
    const untold = await new Account(guest()).createEmailPasswordSession({ email: user.email, password: PASSWORD });
    same('sign in: without a key, no secret', untold.secret, '');
    const session = await signIn(user.email);
    holds('sign in: with a key, a secret', session.secret);
    const { userId, provider, providerUid, factors } = session;
    same('sign in: the session', [userId, provider, providerUid, factors], [user.$id, 'email', user.email, ['password']]);
    const account = signedIn(session);
    same('get', (await account.get()).$id, user.$id);

    const listed = await account.listSessions();
    same('list: all, oldest first', [listed.total, ...idsOf(listed)], [2, untold.$id, session.$id]);
    same('list: current, no secrets', listed.sessions.map((one) => [one.current, one.secret]), [[false, ''], [true, '']]);
    same('get session: current', (await account.getSession({ sessionId: 'current' })).$id, session.$id);
    const found = await account.getSession({ sessionId: untold.$id });
    same('get session: by id', [found.$id, found.current], [untold.$id, false]);
    for (const sessionId of [other.$id, UNKNOWN_SESSION]) {
        await refused('get session: not one of ours', 404, 'user_session_not_found', () => account.getSession({ sessionId }));
        await refused('delete: not one of ours', 404, 'user_session_not_found', () => account.deleteSession({ sessionId }));
    }
    const renewed = await account.updateSession({ sessionId: 'current' });
    holds('renew: not shorter', renewed.expire >= session.expire);
    same('renew: the same session', renewed.$id, session.$id);

    await account.deleteSession({ sessionId: untold.$id });
    same('delete: by id', idsOf(await account.listSessions()), [session.$id]);
    await refused('delete: again', 404, 'user_session_not_found', () => account.deleteSession({ sessionId: untold.$id }));
    await account.deleteSession({ sessionId: 'current' });
    await isSignedOut('delete: current', account);

    const both = [signedIn(await signIn(user.email)), signedIn(await signIn(user.email))];
    await both[1].deleteSessions();
    await isSignedOut('delete all: the other', both[0]);
    await isSignedOut('delete all: this one', both[1]);
}

async function particulars(user) {
    const account = signedIn(await signIn(user.email));
    const prefs = { theme: 'dark', size: 12, nested: { list: [1, null, 'x'] } };
    same('preferences: empty', { ...(await account.getPrefs()) }, {});
    same('preferences: replaced', JSON.parse(JSON.stringify((await account.updatePrefs({ prefs })).prefs)), prefs);
    same('preferences: kept', JSON.parse(JSON.stringify(await account.getPrefs())), prefs);
    same('name', (await account.updateName({ name: 'Rear Admiral Hopper' })).name, 'Rear Admiral Hopper');
    const email = 'hopper@example.com';
    const move = (password) => account.updateEmail({ email, password });
    await refused('address: wrong password', 401, 'user_invalid_credentials', () => move('wrong words in a row'));
    same('address', (await move(PASSWORD)).email, email);
    const other = signedIn(await signIn(email));
    const change = (oldPassword) => account.updatePassword({ password: OTHER_PASSWORD, oldPassword });
    await refused('password: wrong old one', 401, 'user_invalid_credentials', () => change('wrong words in a row'));
    same('password', (await change(PASSWORD)).$id, user.$id);
    same('password: this session goes on', (await account.get()).$id, user.$id);
    await isSignedOut('password: the others end', other);
    await refused('password: the old one is over', 401, 'user_invalid_credentials', () => signIn(email));
    await refused('jwt', 501, 'general_not_implemented', () => account.createJWT());
    same('status: blocks oneself', (await account.updateStatus()).status, false);
    await isSignedOut('status: ends the session', account);
    await refused('status: blocked', 403, 'user_blocked', () => signIn(email, OTHER_PASSWORD));
}

async function listing(users) {
    for (const name of ['one', 'two', 'three']) {
        await users.create({ userId: `list-${name}`, email: `${name}@list.example`, password: PASSWORD, name: `Listed ${name}` });
    }
    const whole = await users.list();
    const ids = idsOf(whole);
    same('list: total', whole.total, ids.length);
    const listed = async (...queries) => idsOf(await users.list({ queries }));
    same('list: limit', await listed(Query.limit(2)), ids.slice(0, 2));
    same('list: offset', await listed(Query.limit(2), Query.offset(1)), ids.slice(1, 3));
    same('list: cursor after', await listed(Query.limit(2), Query.cursorAfter(ids[1])), ids.slice(2, 4));
    same('list: newest first', await listed(Query.orderDesc('$createdAt')), ids.toReversed());
    same('list: equal', await listed(Query.equal('email', 'two@list.example')), ['list-two']);
    const either = Query.or([Query.equal('name', 'Listed one'), Query.startsWith('email', 'three@')]);
    same('list: one or the other', await listed(either), ['list-one', 'list-three']);
    const found = await users.list({ search: 'Listed th' });
    same('list: search', [found.total, ...idsOf(found)], [1, 'list-three']);
    same('list: no total', (await users.list({ total: false })).total, 0);
    await refused('list: unknown cursor', 400, 'general_cursor_not_found', () => listed(Query.cursorAfter('nobody')));
    await refused('list: an unknown attribute', 400, 'general_argument_invalid', () => listed(Query.equal('shoeSize', 43)));
}

async function administer(users) {
    const userId = 'linus';
    await users.create({ userId, email: 'linus@example.com', password: PASSWORD, name: 'Linus' });
    same('get', (await users.get({ userId })).email, 'linus@example.com');
    await refused('get: unknown', 404, 'user_not_found', () => users.get({ userId: 'nobody' }));
    same('labels: no doubles', (await users.updateLabels({ userId, labels: ['staff', 'beta', 'staff'] })).labels.toSorted(), ['beta', 'staff']);
    same('verification', (await users.updateEmailVerification({ userId, emailVerification: true })).emailVerification, true);
    same('preferences', { ...(await users.updatePrefs({ userId, prefs: { a: 1 } })) }, { a: 1 });
    same('preferences: kept', { ...(await users.getPrefs({ userId })) }, { a: 1 });
    same('name', (await users.updateName({ userId, name: 'Linus T' })).name, 'Linus T');
    await users.updatePassword({ userId, password: OTHER_PASSWORD });

    const session = await users.createSession({ userId });
    same('create session', [session.userId, session.provider, session.current], [userId, 'server', false]);
    const account = signedIn(session);
    same('create session: it opens', (await account.get()).$id, userId);
    const listed = await users.listSessions({ userId });
    same('list sessions', [listed.total, listed.sessions[0].$id, listed.sessions[0].secret], [1, session.$id, '']);
    const drop = (userId) => users.deleteSession({ userId, sessionId: session.$id });
    await refused('delete session: of somebody else', 404, 'user_session_not_found', () => drop('list-one'));
    await drop(userId);
    await isSignedOut('delete session', account);
    const both = [signedIn(await users.createSession({ userId })), signedIn(await users.createSession({ userId }))];
    await users.deleteSessions({ userId });
    for (const account of both) await isSignedOut('delete sessions', account);

    const { secret } = await users.createToken({ userId, length: 32, expire: 60 });
    same('token: its length', secret.length, 32);
    const exchanged = await new Account(withKey()).createSession({ userId, secret });
    same('token: exchanged', (await signedIn(exchanged).get()).$id, userId);
    await refused('token: once', 401, 'user_invalid_token', () => new Account(withKey()).createSession({ userId, secret }));
    await refused('jwt of a user', 501, 'general_not_implemented', () => users.createJWT({ userId }));

    same('block', (await users.updateStatus({ userId, status: false })).status, false);
    await isSignedOut('block: ends the sessions', signedIn(exchanged));
    await refused('block: no sign-in', 403, 'user_blocked', () => signIn('linus@example.com', OTHER_PASSWORD));
    same('unblock', (await users.updateStatus({ userId, status: true })).status, true);
    await isSignedOut('unblock: does not bring them back', signedIn(exchanged));
    await users.delete({ userId });
    await refused('delete: gone', 404, 'user_not_found', () => users.get({ userId }));
}

async function errors(bystander) {
    await refused('no session', 401, 'general_unauthorized_scope', () => new Account(guest()).get());
    await refused('no key', 401, 'general_unauthorized_scope', () => new Users(guest()).list());
    await refused('a wrong key', 401, 'general_unauthorized_scope', () => new Users(guest().setKey('wrong')).list());
    await refused('unknown project', 404, 'project_not_found', () => new Account(guest().setProject('other')).get());
    await refused('unknown route', 404, 'general_route_not_found', () => guest().call('GET', new URL(`${ENDPOINT}/nonsense`)));
    const cookie = await new Account(guest().setCookie(`sessiond=${bystander.secret}`)).get();
    same('a cookie that a server hands on', cookie.$id, bystander.userId);
}

async function main() {
    holds('ping', await guest().ping());
    const users = new Users(withKey());
    await users.create({ userId: 'bystander', email: 'bystander@example.com', password: PASSWORD, name: 'By Stander' });
    const firefox = new Users(withKey().setForwardedUserAgent(FIREFOX));
    const bystander = await firefox.createSession({ userId: 'bystander' });
    same('a forwarded agent', [bystander.clientName, bystander.osName], ['Firefox', 'Linux']);
    const user = await signUp();
    await sessions(user, bystander);
    await particulars(user);
    await listing(users);
    await administer(users);
    await errors(bystander);
    same('the bystander was left alone', (await signedIn(bystander).get()).$id, 'bystander');
}

main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
