// Appwrite's stock SDK in a page, talking to sessiond: the cookie is HttpOnly, and no secret is ever in a script's hands.

const { Account, AppwriteException, Client } = window.Appwrite;
const account = new Account(new Client().setEndpoint(document.body.dataset.endpoint).setProject('default'));
const find = (id) => document.getElementById(id);

function show(signedIn, told = '') {
    find('account').hidden = !signedIn;
    find('sign-in').hidden = signedIn;
    find('told').textContent = told;
}

// Only a 401 says that nobody is signed in. After any other failure the page stays as it is, and says so.
function failed(error) {
    if (error instanceof AppwriteException && error.code === 401) {
        const wrong = error.type === 'user_invalid_credentials';
        return show(false, wrong ? 'Wrong e-mail address or password.' : 'You are signed out.');
    }
    find('told').textContent = `That did not work, and nothing is known to have changed: ${error.message}`;
}

async function look() {
    const [user, { sessions }] = await Promise.all([account.get(), account.listSessions()]);
    find('name').textContent = user.name;
    const rows = sessions.map((session) => {
        const row = document.createElement('li');
        row.dataset.id = session.$id;
        row.textContent = `${session.clientName || 'A program'}${session.current ? ' (this one)' : ''} `;
        const end = document.createElement('button');
        end.textContent = 'End';
        end.onclick = () => account.deleteSession({ sessionId: session.$id }).then(look).catch(failed);
        row.append(end);
        return row;
    });
    find('sessions').replaceChildren(...rows);
    show(true);
}

find('sign-in').onsubmit = (event) => {
    event.preventDefault();
    const [email, password] = [find('email').value, find('password').value];
    event.target.reset();
    account.createEmailPasswordSession({ email, password }).then(look).catch(failed);
};
find('look').onclick = () => look().catch(failed);
find('sign-out').onclick = () => account.deleteSession({ sessionId: 'current' }).then(look).catch(failed);
find('sign-out-everywhere').onclick = () => account.deleteSessions().then(look).catch(failed);

look().catch(failed);
