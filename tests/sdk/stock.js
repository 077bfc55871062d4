// The main path with npm's `appwrite` in a page. `#told` fills with what was checked; `#outcome` says how it ended.

const { Account, AppwriteException, Client, ID } = window.Appwrite;
const PASSWORD = 'a few words in a row';
const OTHER_PASSWORD = 'seven brave otters juggle';
const WRONG = 'wrong words in a row';
const UNKNOWN_SESSION = '01890000-0000-7000-8000-000000000000';
const { endpoint, stranger } = document.body.dataset;
const told = document.querySelector('#told');

function same(what, got, wanted) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
    told.append(`ok: ${what}\n`);
}

async function refused(what, code, type, call) {
    let got;
    try {
        got = await call();
    } catch (error) {
        if (!(error instanceof AppwriteException) || !error.message) throw new Error(`${what}: ${error}`);
        return same(`${what}: refused`, [error.code, error.type], [code, type]);
    }
    throw new Error(`${what}: ${JSON.stringify(got)}, not refused with ${code} ${type}`);
}

const client = () => new Client().setEndpoint(endpoint).setProject('default');
const account = new Account(client());
const isSignedOut = (what) => refused(what, 401, 'general_unauthorized_scope', () => account.get());
const signIn = (email, password = PASSWORD) => account.createEmailPasswordSession({ email, password });
const idsOf = ({ sessions }) => sessions.map((one) => one.$id);

async function signUp() {
    const create = (email, password) => account.create({ userId: ID.unique(), email, password, name: 'Grace Hopper' });
    const user = await create('Grace@Example.com', PASSWORD);
    same('create', [user.name, user.email, user.status, user.prefs], ['Grace Hopper', 'grace@example.com', true, {}]);
    await refused('create: the address is taken', 409, 'user_already_exists', () => create(user.email, PASSWORD));
    await refused('create: a short password', 400, 'general_argument_invalid', () => create('x@example.com', 'short'));
    await isSignedOut('create: signs nobody in');
    return user;
}

async function sessions({ $id, email }) {
    await refused('sign in: wrong password', 401, 'user_invalid_credentials', () => signIn(email, WRONG));
    await isSignedOut('sign in: wrong password signs nobody in');
    const session = await signIn(email);
    same('sign in: no secret for scripts', [session.secret, document.cookie], ['', '']);
    same('sign in: the session', [session.userId, session.provider, session.factors], [$id, 'email', ['password']]);
    same('get: by the cookie', (await account.get()).$id, $id);
    same('list', [idsOf(await account.listSessions()), (await account.listSessions()).total], [[session.$id], 1]);
    same('get session: current', (await account.getSession({ sessionId: 'current' })).current, true);
    for (const sessionId of [stranger, UNKNOWN_SESSION]) {
        await refused('get session: not ours', 404, 'user_session_not_found', () => account.getSession({ sessionId }));
        await refused('delete: not ours', 404, 'user_session_not_found', () => account.deleteSession({ sessionId }));
    }
    const renewed = await account.updateSession({ sessionId: 'current' });
    same('renew', [renewed.$id, renewed.expire >= session.expire], [session.$id, true]);

    await account.deleteSession({ sessionId: session.$id });
    await isSignedOut('delete: by id');
    await signIn(email);
    await account.deleteSession({ sessionId: 'current' });
    await isSignedOut('delete: current');
    const first = await signIn(email);
    const second = await signIn(email);
    same('sign in while signed in: another session', [first.$id === second.$id, second.userId], [false, $id]);
    await account.deleteSessions();
    await isSignedOut('delete all');
}

async function particulars({ $id, email }) {
    await signIn(email);
    same('preferences: empty', await account.getPrefs(), {});
    const prefs = { theme: 'dark', nested: { list: [1, null, 'x'] } };
    await account.updatePrefs({ prefs });
    const kept = await account.getPrefs();
    same('preferences: kept', [kept.theme, kept.nested], [prefs.theme, prefs.nested]);
    same('name', (await account.updateName({ name: 'Rear Admiral' })).name, 'Rear Admiral');
    const moved = 'hopper@example.com';
    const move = (password) => account.updateEmail({ email: moved, password });
    await refused('address: wrong password', 401, 'user_invalid_credentials', () => move(WRONG));
    same('address', (await move(PASSWORD)).email, moved);
    const change = (oldPassword) => account.updatePassword({ password: OTHER_PASSWORD, oldPassword });
    await refused('password: wrong old one', 401, 'user_invalid_credentials', () => change(WRONG));
    await change(PASSWORD);
    same('password: this session goes on', (await account.get()).$id, $id);
    await refused('jwt', 501, 'general_not_implemented', () => account.createJWT());
    same('status: blocks oneself', (await account.updateStatus()).status, false);
    await isSignedOut('status: ends the session');
    await refused('status: blocked', 403, 'user_blocked', () => signIn(moved, OTHER_PASSWORD));
}

async function errors() {
    const other = new Account(client().setProject('other'));
    await refused('unknown project', 404, 'project_not_found', () => other.get());
    const nowhere = () => client().call('GET', new URL(`${endpoint}/nonsense`));
    await refused('unknown route', 404, 'general_route_not_found', nowhere);
    const handed = new Account(client().setSession('nonsense'));
    await refused('a secret that is none', 401, 'general_unauthorized_scope', () => handed.get());
}

async function main() {
    same('ping', Boolean(await client().ping()), true);
    const user = await signUp();
    await sessions(user);
    await particulars(user);
    await errors();
    same('nothing is left in the browser', localStorage.length, 0);
}

main()
    .then(() => 'passed', (error) => `failed: ${error.stack}`)
    .then((outcome) => (document.querySelector('#outcome').textContent = outcome));
