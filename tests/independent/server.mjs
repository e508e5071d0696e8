// An OpenID Connect provider that is not ours, for one client. Who signs in there says by the login
// who they are: "ada", "ada!" with an address that nobody proved, "ada+ROLE" with a role.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const back = new RegExp(process.argv[2]);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'market',
        client_secret: 'a secret: with signs & + %',
        redirect_uris: [`${issuer}/nowhere`],
      },
    ],
    claims: {
      openid: ['sub', 'realm_access'],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    async findAccount(ctx, id) {
      const [name, role] = id.replace('!', '').split('+');
      return {
        accountId: id,
        claims: async () => ({
          sub: id,
          name: `The ${name}`,
          email: `${name}@example.com`,
          email_verified: !id.includes('!'),
          realm_access: { roles: role ? [role] : [] },
        }),
      };
    },
  });
  // The market's port is chosen after this one's; everything else of its address must be as it is.
  provider.Client.prototype.redirectUriAllowed = (uri) => back.test(uri);
  server.on('request', provider.callback());
  console.log(issuer);
});
process.on('SIGTERM', () => process.exit(0));
