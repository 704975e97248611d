#!/usr/bin/env bash
# irc-framework 4.14.0 (of npm; The Lounge and Kiwi IRC stand on such versions of it): a client that is given the password of
# the server alone, and no account, sends it twice: by PASS, and, where the server offers SASL, as the password of an account
# that is called as its nickname.  One would guess that `password` is what the network is entered with, and that without
# `account` nobody logs in.  A server that counts wrong passwords counts one for somebody who knows the right word, and where
# PASS means something else (a bouncer's password, a code of a session) the account of that nickname is knocked at with it.
#
# Seen: the lines that the client sends to a server which offers SASL; the word stands in PASS, then in AUTHENTICATE.  Exits 0
# while that is so, 1 if it has changed, 2 where it cannot be tried.
#
# Needs node with npm.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit irc-framework@4.14.0 > /dev/null 2>&1 || { echo "cannot install"; exit 2; }

cat > client.js <<'JAVASCRIPT'
const net = require("net");
const IRC = require("irc-framework");

const server = net.createServer((socket) => {
  let rest = "";
  socket.on("data", (data) => {
    const lines = (rest + data).split("\r\n");
    rest = lines.pop();
    for (const line of lines) {
      const [verb, what, ...more] = line.split(" ");
      if (verb === "PASS") console.log(`PASS: ${what}`);
      if (verb === "CAP" && what === "LS") socket.write(":here CAP * LS :sasl=PLAIN\r\n");
      if (verb === "CAP" && what === "REQ") socket.write(`:here CAP * ACK ${more.join(" ")}\r\n`);
      if (verb === "CAP" && what === "END") socket.end(":here 001 amy :Welcome\r\n");
      if (verb === "AUTHENTICATE" && what === "PLAIN") socket.write("AUTHENTICATE +\r\n");
      if (verb === "AUTHENTICATE" && what !== "PLAIN") {
        const parts = Buffer.from(what, "base64").toString().split("\0");
        console.log(`SASL: account ${parts[1]}, password ${parts[2]}`);
        socket.write(":here 904 amy :No\r\n");
      }
    }
  });
  socket.on("close", () => process.exit());
});
server.listen(0, "127.0.0.1", () => {
  const client = new IRC.Client();
  const port = server.address().port;
  client.connect({ host: "127.0.0.1", port, nick: "amy", password: "open-sesame", auto_reconnect: false });
});
setTimeout(() => process.exit(2), 20000).unref();
JAVASCRIPT
seen=$(node client.js)
echo "$seen"
[[ $seen == $'PASS: open-sesame\nSASL: account amy, password open-sesame' ]]
