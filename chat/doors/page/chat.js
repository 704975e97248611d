// The page: it speaks the JSON wire over a WebSocket (see docs/wire.md), as any program does.
//
// Nothing that people wrote ever becomes markup: text goes into the page by `textContent` alone (see `make`).
// What was shown of each log (`seen`) is the page's own, for TCP acknowledges what a frozen tab never saw; lines are
// kept until they are answered, and go out again under the same id after a cut.

const HEARTBEAT = 20_000; // ms between two pings of ours
const ANSWER = 5_000; // ms in which one is answered, or the line is dead
const RETRY = 500; // ms before the first try to come back
const RETRY_MOST = 15_000;
const STAYED = 10_000; // ms on one server, after which all others may be tried again
const SHOWN = 400; // lines of a place that are in the page at a time
const HELD = 6_000; // and that are remembered
const PAGE = 50; // lines that are asked for on scrolling up
const NEAR = 60; // pixels from the end that count as the end

// What the page says, in English and in Spanish.

const SENTENCES = {
  places: ["Places", "Lugares"],
  people: ["People", "Personas"],
  menu: ["Menu", "Menú"],
  join: ["Join a room", "Entrar en una sala"],
  say: ["Message to {place}", "Mensaje a {place}"],
  send: ["Send", "Enviar"],
  toEnd: ["To the newest line", "A la línea más nueva"],
  close: ["Close", "Cerrar"],
  cancel: ["Cancel", "Cancelar"],
  ok: ["OK", "Aceptar"],
  new: ["new", "nuevo"],
  unread: ["{n} unread", "{n} sin leer"],
  calls: ["{n} for you", "{n} para ti"],
  enter: ["Who are you?", "¿Quién eres?"],
  nick: ["Nickname", "Apodo"],
  come: ["Come in", "Entrar"],
  enterText: ["Choose a nickname, and talk. No account is needed.", "Elige un apodo y habla. No hace falta cuenta."],
  goOn: ["Go on as {nick}, or as somebody else?", "¿Seguir como {nick}, o como otra persona?"],
  goOnText: ["You were here before, in this browser.", "Ya estuviste aquí, en este navegador."],
  goOnAs: ["Go on as {nick}", "Seguir como {nick}"],
  other: ["Somebody else", "Otra persona"],
  elsewhere: ["{nick} is here in another tab.", "{nick} está aquí en otra pestaña."],
  serverPassword: ["This chat has a password", "Este chat tiene contraseña"],
  password: ["Password", "Contraseña"],
  passwordOf: ["Password of {nick}", "Contraseña de {nick}"],
  connecting: ["Connecting…", "Conectando…"],
  down: [
    "The line is down. What you write is kept, and sent when it is back.",
    "La línea se cortó. Lo que escribas se guarda y sale cuando vuelva.",
  ],
  waiting: ["{n} waiting", "{n} en espera"],
  overtaken: ["You went on in another place. This page is at its end.", "Seguiste en otro lugar. Esta página terminó."],
  here: ["Go on here", "Seguir aquí"],
  left: ["You have left. Your nickname is free again.", "Te fuiste. Tu apodo vuelve a estar libre."],
  again: ["Come in again", "Entrar otra vez"],
  leave: ["Leave", "Salir"],
  leaveText: [
    "Leave the chat? Your nickname is free then, and nobody can go on as you here.",
    "¿Salir del chat? Tu apodo queda libre y nadie puede seguir aquí como tú.",
  ],
  joined: ["{who} came in", "{who} entró"],
  leftRoom: ["{who} left", "{who} se fue"],
  quit: ["{who} left the chat", "{who} dejó el chat"],
  words: ["{who}: “{text}”", "{who}: «{text}»"],
  more: ["and {n} more", "y {n} más"],
  renamed: ["{from} is now {to}", "{from} ahora es {to}"],
  topicSet: ["{from} set the topic: {text}", "{from} puso el tema: {text}"],
  topicGone: ["{from} took the topic away", "{from} quitó el tema"],
  noTopic: ["No topic", "Sin tema"],
  topic: ["Topic", "Tema"],
  search: ["Search", "Buscar"],
  searchFor: ["Words to look for in {place}", "Palabras que buscar en {place}"],
  found: ["{n} found", "{n} encontradas"],
  invite: ["Invite", "Invitar"],
  inviteText: ["Whoever opens this address is in {place}:", "Quien abra esta dirección está en {place}:"],
  copy: ["Copy", "Copiar"],
  copied: ["Copied", "Copiada"],
  login: ["Log in", "Acceder"],
  register: ["Register this nickname", "Registrar este apodo"],
  loginText: ["For who has an account.", "Para quien tiene cuenta."],
  missed: ["{n} lines are gone", "faltan {n} líneas"],
  takenBack: ["taken back", "retirada"],
  notice: ["Notifications", "Avisos"],
  noticeOn: ["Notifications are on", "Los avisos están puestos"],
  noticeNo: [
    "Notifications need an encrypted address (https), which this one is not.",
    "Los avisos necesitan una dirección cifrada (https), y esta no lo es.",
  ],
  noticeDenied: [
    "This browser was told to show no notifications from here.",
    "A este navegador se le dijo que no muestre avisos de aquí.",
  ],
  pause: ["Read new lines aloud (screen readers)", "Leer en voz alta las líneas nuevas (lectores de pantalla)"],
  print: ["Print", "Imprimir"],
  help: ["Help", "Ayuda"],
  room: ["Room", "Sala"],
  roomHint: ["such as #ops", "como #ops"],
  private: ["Write to them", "Escribirle"],
  whois: ["Who is that?", "¿Quién es?"],
  mention: ["Mention", "Mencionar"],
  ignore: ["Ignore", "Ignorar"],
  unignore: ["Ignore no more", "No ignorar más"],
  mute: ["Mute for 10 minutes", "Silenciar 10 minutos"],
  unmute: ["Mute no more", "Dejar hablar"],
  kick: ["Send out", "Echar"],
  ban: ["Ban for a day", "Vetar un día"],
  op: ["Make operator", "Hacer operador"],
  deop: ["Operator no more", "Quitar de operador"],
  takeBack: ["Take back their last line", "Retirar su última línea"],
  leaveRoom: ["Leave this room", "Dejar esta sala"],
  closePrivate: ["Close this conversation", "Cerrar esta conversación"],
  role_owner: ["{to} owns {of}", "{to} es dueño de {of}"],
  role_operator: ["{to} is an operator of {of}", "{to} es operador de {of}"],
  role_member: ["{to} has no role in {of} any more", "{to} ya no tiene papel en {of}"],
  m_mute: ["{to} was muted", "{to} fue silenciado"],
  m_unmute: ["{to} may talk again", "{to} puede hablar otra vez"],
  m_voice: ["{to} may talk while all are muted", "{to} puede hablar aunque todos estén en silencio"],
  m_unvoice: ["{to} has no voice any more", "{to} ya no tiene voz"],
  m_kick: ["{to} was sent out", "{to} fue echado"],
  m_ban: ["{to} was banned", "{to} fue vetado"],
  m_unban: ["{to} is banned no more", "{to} ya no está vetado"],
  m_slow: ["One line in {seconds} s from each", "Una línea cada {seconds} s por persona"],
  m_unslow: ["The room is not slow any more", "La sala ya no es lenta"],
  m_limit: ["No more than {most} people come in", "No entran más de {most} personas"],
  m_unlimit: ["There is no limit of people any more", "Ya no hay límite de personas"],
  "m_lock-topic": ["The topic is for operators", "El tema es de los operadores"],
  "m_unlock-topic": ["The topic is for everybody", "El tema es de todos"],
  m_lock: ["The door of {of} is locked", "La puerta de {of} está cerrada"],
  m_unlock: ["The door of {of} is open", "La puerta de {of} está abierta"],
  m_admit: ["{to} was let into {of}", "A {to} se le abrió {of}"],
  m_refuse: ["{to} was not let into {of}", "A {to} no se le abrió {of}"],
  m_expire: ["Nobody let {to} into {of}", "Nadie abrió {of} a {to}"],
  m_class: [
    "Class mode is on: #lobby has a door and is slow; guests have no private talk with each other, make no rooms and accounts, keep their nicknames, and set no topics, away and goodbye texts",
    "El modo clase está puesto: #lobby tiene una puerta y va lenta; los invitados no hablan en privado entre ellos, no crean salas ni cuentas, conservan su apodo, y no ponen temas ni textos de ausencia o despedida",
  ],
  m_unclass: [
    "Class mode is off: nothing is closed to guests any more",
    "El modo clase está quitado: ya nada está cerrado a los invitados",
  ],
  everybody: ["everybody", "todos"],
  thisServer: ["this server", "este servidor"],
  isPrivate: ["The room is private now", "La sala es privada ahora"],
  isPublic: ["The room is public now", "La sala es pública ahora"],
  invited: ["{to} was asked into {of}", "{to} fue invitado a {of}"],
  invitedYou: ["You are asked into {of}: /join {of}", "Te invitan a {of}: /join {of}"],
  notDelivered: ["{to} did not come back, and did not get it", "{to} no volvió y no lo recibió"],
  audited: ["{from} {what} {to} {of} {text}", "{from} {what} {to} {of} {text}"],
  announced: ["Announcement", "Anuncio"],
  failed: ["Not said: {text}", "No se dijo: {text}"],
  edit: ["Write it again", "Escribirla otra vez"],
  waits: ["waits", "espera"],
  away: ["away", "ausente"],
  lineDown: ["line down", "línea cortada"],
  bot: ["bot", "bot"],
  owner: ["owner", "dueño"],
  operator: ["operator", "operador"],
  you: ["you", "tú"],
  encrypted: [
    "Passwords travel encrypted at {url}. This server made its certificate itself, so the browser warns once: that is expected; compare the fingerprint that the start of the server shows.",
    "Las contraseñas viajan cifradas en {url}. Este servidor hizo su certificado él mismo, así que el navegador avisa una vez: es lo esperado; compara la huella que muestra el servidor al empezar.",
  ],
  noCode: ["The code for coming back is not good any more.", "El código para volver ya no vale."],
  tooLong: ["That is too long.", "Es demasiado largo."],
  lookUp: ["Look up", "Buscar"],
  offers: ["Suggestions", "Sugerencias"],
  repeat: ["The same once more", "La misma otra vez"],
};
const language = /^es\b/i.test(navigator.language) ? "es" : "en";
const column = { en: 0, es: 1 }[language];

function t(name, facts = {}) {
  return (SENTENCES[name]?.[column] ?? name).replace(/\{(\w+)\}/g, (_, key) => facts[key] ?? "");
}

// The page's own elements.

const $ = (id) => document.getElementById(id);
const ui = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null)); // a string becomes text, never markup
  return element;
}

function button(text, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, text);
}

// What is kept: per tab, so that it goes on after a reload; and the last place, for a fresh tab.

function kept(storage, name) {
  try {
    return JSON.parse(storage.getItem(name));
  } catch {
    return null;
  }
}

function keep(storage, name, value) {
  try {
    if (value == null) storage.removeItem(name);
    else storage.setItem(name, JSON.stringify(value));
  } catch { /* full, or forbidden: then nothing is kept */ }
}

const KEY = `chat ${location.pathname}`;
const about = { shared: false, addresses: [], encrypted: null };

// The talk as the page knows it.

const prefix = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
let number = 0;
const nextId = () => `${prefix}-${++number}`;

const talk = {
  nick: null, code: null, seen: {}, here: false, commands: [], hello: null, ignored: new Set(),
};
const places = new Map(); // by name, #room or @nick
let place = null; // the one that is shown
const waiting = new Map(); // lines of ours without an answer, by id: {id, place, request, shown}
const asked = new Map(); // other requests, by id: what is done with their answers

function placeOf(name) {
  let found = places.get(name);
  if (!found) {
    found = {
      name, lines: [], bySeq: new Map(), unread: 0, calls: 0, draft: "", topic: "", users: new Map(), more: true, asking: false,
      newFrom: null, role: "member", readSent: 0,
    };
    places.set(name, found);
    drawPlaces();
  }
  return found;
}

const isRoom = (name) => name.startsWith("#");
const logOf = (name) => (name.startsWith("@") ? "@" : name);

function remember() {
  if (!talk.code) return;
  const lines = [...waiting.values()].map(({ id, place, request }) => ({ id, place, request }));
  const names = [...places.keys()];
  keep(sessionStorage, KEY, { nick: talk.nick, code: talk.code, seen: talk.seen, waiting: lines, places: names, at: place?.name });
  if (!about.shared) keep(localStorage, KEY, { nick: talk.nick, code: talk.code });
}

let remembering = 0;
function rememberSoon() {
  remembering ||= setTimeout(() => {
    remembering = 0;
    remember();
  }, 250);
}

function forget() {
  talk.code = null;
  keep(sessionStorage, KEY, null);
  keep(localStorage, KEY, null);
}

// The line to the server: one socket after the other, each with a number; what an earlier one still says is not heard.

// Where several servers are one chat, `homes` are the addresses of all of them, the one of this page first: where one is
// gone the next is tried at once, and there is a pause after all were tried.

const line = {
  socket: null, number: 0, tries: 0, timer: 0, wanted: false, ping: null, watch: 0, homes: [location.href.split(/[?#]/)[0]],
  at: 0, tried: new Set(), since: null,
};

function connect() {
  clearTimeout(line.timer);
  const mine = ++line.number;
  line.socket?.close();
  talk.here = false; // the last one may not have ended yet
  talk.hello = null;
  let socket;
  try {
    socket = new WebSocket(new URL("ws", line.homes[line.at]).href.replace(/^http/, "ws"));
  } catch { // an address that this page may not go to, for it was loaded before that was told
    return lost(mine);
  }
  line.socket = socket;
  line.ping = null;
  clearTimeout(line.watch);
  // A server that hangs may still be connected to: it is there when it has said so.
  line.watch = setTimeout(() => talk.hello == null && lost(mine), line.homes.length > 1 ? ANSWER : RETRY_MOST);
  socket.onmessage = (event) => {
    if (mine !== line.number) return;
    line.ping = null; // whatever comes, the line is there
    let object;
    try {
      object = JSON.parse(event.data);
    } catch {
      return;
    }
    receive(object);
  };
  socket.onclose = socket.onerror = () => lost(mine); // where it may not go Chromium says an error, and no end
  status();
}

function lost(mine) {
  if (mine !== line.number) return;
  line.number++; // nothing of that socket counts any more
  line.socket?.close();
  line.socket = null;
  talk.here = false;
  talk.hello = null;
  const atOnce = goOn();
  if (line.wanted) {
    const pause = atOnce ? 0 : Math.min(RETRY * 2 ** line.tries++, RETRY_MOST);
    line.timer = setTimeout(connect, pause * (0.5 + Math.random() / 2));
  }
  status();
}

// It is the turn of the next address; tells whether that was not tried yet, since the page was in somewhere for a while.
function goOn() {
  if (line.since != null && Date.now() - line.since > STAYED) line.tried.clear();
  line.since = null;
  line.tried.add(line.homes[line.at]);
  const round = line.homes.map((_, step) => (line.at + step + 1) % line.homes.length);
  const next = round.find((at) => !line.tried.has(line.homes[at]));
  line.at = next ?? round[0];
  if (next == null) line.tried.clear();
  return next != null;
}

// The server tells the addresses of the chat. From an encrypted page nobody is led to one that is not.
function learnHomes(addresses) {
  const at = line.homes[line.at];
  const pages = addresses.filter((address) => address.startsWith("https:") || (address.startsWith("http:") && location.protocol === "http:"));
  line.homes = [...new Set([line.homes[0], ...pages, at])];
  line.at = line.homes.indexOf(at);
}

function hurry() {
  if (!line.wanted) return;
  if (!line.socket) {
    line.tries = 0;
    connect();
  } else beat();
}

function beat() {
  if (line.socket?.readyState !== WebSocket.OPEN || !talk.here || line.ping) return;
  const mine = line.number;
  const ping = (line.ping = request({ line: "/ping" }, () => true));
  setTimeout(() => mine === line.number && line.ping === ping && (lost(mine), line.tries <= 1 && hurry()), ANSWER);
}

setInterval(beat, HEARTBEAT);
// A tab that was frozen may have lost what came meanwhile, though its socket is open, and answers: only a new one, and
// what was shown so far, bring it.
let frozen = false;
function thaw() {
  if (!frozen) return hurry();
  frozen = false;
  if (line.wanted) connectAgain();
}

for (const name of ["online", "pageshow", "focus"]) addEventListener(name, thaw);
document.addEventListener("freeze", () => {
  frozen = true;
  remember();
});
document.addEventListener("resume", () => {
  frozen = true;
  thaw();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) remember();
  else {
    thaw();
    if (place) shown(place);
  }
});
addEventListener("pagehide", remember);

function transmit(object) {
  if (line.socket?.readyState !== WebSocket.OPEN) return false;
  line.socket.send(JSON.stringify(object));
  return true;
}

// A request that is no talk: lost where the line is; `answers` is called with each object that has its id.
function request(object, answers = () => {}) {
  const id = nextId();
  asked.set(id, answers);
  if (!transmit({ ...object, id })) asked.delete(id);
  return id;
}

// Talk, or a command that somebody typed: it is kept until it is answered.
function post(where, object) {
  const id = nextId();
  const sent = { id, place: where.name, request: object, shown: null };
  waiting.set(id, sent);
  if (object.say != null) {
    sent.shown = { id, kind: "message", from: talk.nick, text: object.say, at: new Date().toISOString(), waits: true };
    add(where, sent.shown);
  }
  if (talk.here) transmit({ ...object, id });
  setTimeout(() => waiting.has(id) && beat(), ANSWER);
  rememberSoon();
  status();
}

function resend() {
  for (const { id, request } of waiting.values()) transmit({ ...request, id });
}

function status(text) {
  const down = !talk.here && talk.nick && line.wanted;
  const count = waiting.size && down ? ` ${t("waiting", { n: waiting.size })}` : "";
  const words = text ?? (down ? (line.tries || !line.socket ? t("down") : t("connecting")) + count : "");
  if (ui.status.textContent !== words) ui.status.textContent = words;
}

// What the server says.

function receive(object) {
  const answers = object.id == null ? undefined : asked.get(object.id);
  if (answers) {
    if (object.type === "ack" || object.type === "error") asked.delete(object.id);
    if (answers(object) === true) return;
  }
  (handlers[object.type] ?? (object.seq == null ? () => {} : noted))(object);
}

const handlers = {
  hello(hello) {
    const first = talk.hello == null;
    talk.hello = hello;
    clearTimeout(line.watch);
    if (hello.addresses) learnHomes(hello.addresses);
    if (first && language !== "en") transmit({ line: `/language ${language}` });
    if (hello.password) askServerPassword(hello);
    else comeIn();
  },

  welcome(welcome) {
    const fresh = !welcome.back;
    line.tries = 0;
    line.since ??= Date.now();
    if (!talk.here) beginAnew(fresh);
    Object.assign(talk, { nick: welcome.nick, code: welcome.resume, here: true });
    for (const [name, found] of Object.entries(welcome.rooms)) enterRoom(name, found);
    talk.seen["@"] = Math.max(talk.seen["@"] ?? 0, fresh ? (welcome.private?.last ?? 0) : 0);
    for (const name of [...places.keys()]) if (isRoom(name) && !(name in welcome.rooms)) places.delete(name);
    ui.app.hidden = false;
    if (ui.dialog.dataset.entering) closeDialog();
    const wanted = hashRoom();
    const at = wanted && places.has(wanted) ? wanted : (restored.at ?? place?.name ?? welcome.room);
    for (const name of restored.places ?? []) if (!isRoom(name)) placeOf(name);
    restored = {};
    show(placeOf(places.has(at) ? at : (welcome.room ?? "#lobby")));
    if (wanted && !places.has(wanted)) request({ line: `/join ${wanted}` });
    if (!talk.commands.length) request({ line: "/help all" }, (answer) => answer.type === "reply" && ((talk.commands = answer.commands), true));
    resend();
    remember();
    status();
  },

  history(history) {
    if (history.room && places.has(history.room)) older(places.get(history.room), history);
    else if (!history.room) for (const event of history.events) if (places.has(event.room)) add(placeOf(event.room), lineOf(event), true);
  },

  ack(ack) {
    const sent = waiting.get(ack.id);
    if (!sent) return;
    waiting.delete(ack.id);
    if (sent.shown && ack.seq != null) settle(sent, ack);
    rememberSoon();
    status();
  },

  error(error) {
    const sent = waiting.get(error.id);
    if (sent) {
      waiting.delete(error.id);
      if (sent.shown) {
        Object.assign(sent.shown, { waits: false, failed: error.text, request: sent.request });
        redraw(placeOf(sent.place), sent.shown);
      } else note(placeOf(sent.place), error.text, "failed");
      rememberSoon();
      status();
      return;
    }
    if (error.code === "taken-over") return ended(t("overtaken"), t("here"));
    const out = ["banned", "kicked"].includes(error.code) || !(place || ui.dialog.open); // or not let in
    if (out && error.id == null) return ended(error.text, t("again"));
    if (error.code === "nick-timeout") return void (line.wanted = false);
    if (place) note(place, error.text, "failed");
    else if (ui.dialog.open) ui["dialog-error"].textContent = error.text;
  },

  reply(reply) {
    if (reply.asks) return askPassword(reply);
    if (reply.command === "join" && reply.room) {
      show(enterRoom(reply.room, reply));
      return;
    }
    if (reply.command === "leave" && reply.room) return dropPlace(reply.room);
    if (reply.command === "who" && reply.users) listed(reply);
    if (reply.command === "quit" && reply.id == null) return; // the server stops: the page comes back by itself
    if (reply.command === "topic" && reply.topic != null && places.has(reply.room)) placeOf(reply.room).topic = reply.topic;
    if (place && reply.text) note(place, reply.text);
    drawPlace();
  },

  message: spoken,
  action: spoken,

  missed(missed) {
    if (places.has(missed.room)) note(placeOf(missed.room), t("missed", { n: missed.count }));
  },

  redacted(event) {
    const found = places.get(event.room);
    count(event);
    for (const seq of event.targets ?? [event.target]) {
      const item = found?.bySeq.get(seq);
      if (item) {
        item.gone = true;
        item.why = event.why;
        redraw(found, item);
      }
    }
  },

  read(event) {
    const found = places.get(event.room);
    if (found) readUpTo(found, event.seq);
  },

  current() {},
  away() {},
  ignoring(event) {
    talk.ignored[event.on ? "add" : "delete"](event.who);
  },
};

function connectAgain() {
  line.wanted = true;
  line.tries = 0;
  connect();
}

function ended(text, again) {
  line.wanted = false;
  ask(text, { buttons: [[again, connectAgain]], entering: true });
}

// Each event of a log counts as shown; what came already is not shown twice.
function count(event) {
  const log = logOf(event.room);
  if (event.seq <= (talk.seen[log] ?? 0)) return false;
  talk.seen[log] = event.seq;
  rememberSoon();
  return true;
}

function lineOf(event) {
  const { type: kind, seq, at, from, text, id, to, bot } = event;
  return { kind, seq, at, from: event.as ?? from, who: from, text, id, to, bot };
}

function spoken(event) {
  const found = placeOf(event.room);
  count(event);
  const item = lineOf(event);
  const mine = event.from === talk.nick;
  const sent = event.id == null ? undefined : waiting.get(event.id);
  if (sent?.shown) return settle(sent, event);
  if (found.bySeq.has(event.seq)) return;
  item.calls = !mine && (event.room.startsWith("@") || calls(event.text));
  add(found, item);
  if (mine) return;
  if (found === place && !document.hidden) return;
  found.newFrom ??= event.seq;
  found.unread++;
  if (item.calls) {
    found.calls++;
    notify(found, item);
  }
  drawPlaces();
}

// A line of ours has its place: it waits no more, and stands where everybody sees it.
function settle(sent, { seq, at }) {
  const found = placeOf(sent.place);
  const item = sent.shown;
  sent.shown = null;
  found.lines.splice(found.lines.indexOf(item), 1);
  item.node?.remove();
  item.node = null;
  if (seq != null && found.bySeq.has(seq)) return;
  Object.assign(item, { seq, at, waits: false });
  add(found, item);
}

let mention = { nick: null, words: null };
const mentionOf = (nick) => new RegExp(`(?<![\\p{L}\\p{N}_])${nick.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}_])`, "iu");
function calls(text) {
  if (talk.nick == null) return false;
  if (mention.nick !== talk.nick) mention = { nick: talk.nick, words: mentionOf(talk.nick) };
  return mention.words.test(text);
}

// What else stands in logs.
function noted(event) {
  count(event);
  const name = event.room;
  if (event.self) return onOtherDevice(event);
  const found = name === "*" || name === "@" ? place : placeOf(name);
  if (!found) return;
  const who = event.who ? list(event.who) : event.from;
  const facts = { ...event, who, of: event.of === "*" ? t("thisServer") : event.of, to: event.to || t("everybody"), from: event.from ?? "" };
  let text = null;
  switch (event.type) {
    case "joined":
      for (const nick of event.who) found.users.set(nick, found.users.get(nick) ?? {});
      if (event.from === talk.nick && event.who.length === 1) return drawPeople();
      text = t("joined", facts);
      break;
    case "left":
      for (const nick of event.who) found.users.delete(nick);
      text = t(event.quit ? "quit" : "leftRoom", facts);
      if (event.text) text = t("words", { who: text, text: event.text });
      break;
    case "renamed":
      if (event.from === talk.nick) {
        talk.nick = event.to;
        remember();
      }
      found.users.set(event.to, found.users.get(event.from) ?? {});
      found.users.delete(event.from);
      moveConversation(event.from, event.to);
      text = t("renamed", event);
      break;
    case "topic":
      found.topic = event.text;
      text = t(event.text ? "topicSet" : "topicGone", facts);
      break;
    case "role":
      if (event.to === talk.nick && event.of === name) found.role = event.role;
      if (found.users.has(event.to)) found.users.get(event.to).role = event.role;
      text = t(`role_${event.role}`, facts);
      break;
    case "measure":
      text = t(`m_${event.what}`, facts) + (event.why ? ` (${event.why})` : "");
      if (name === "@" && ["kick", "ban"].includes(event.what) && event.of !== "*") dropPlace(event.of);
      break;
    case "privacy":
      text = t(event.private ? "isPrivate" : "isPublic");
      break;
    case "invited":
      text = t(name === "@" ? "invitedYou" : "invited", facts);
      break;
    case "announced":
      text = `${t("announced")}: ${event.text}`;
      break;
    case "not-delivered":
      text = t("notDelivered", facts);
      break;
    case "audited":
      text = t("audited", facts);
      break;
    default:
      return;
  }
  add(found, { kind: "note", seq: name === found.name ? event.seq : undefined, at: event.at, text });
  drawPeople();
}

function list(names) {
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} ${t("more", { n: names.length - 8 })}` : names.join(", ");
}

function onOtherDevice(event) {
  if (event.type === "joined") askWho(placeOf(event.room));
  else if (event.type === "left") dropPlace(event.room);
  else if (event.type === "renamed") {
    talk.nick = event.to;
    remember();
    drawPlace();
  }
}

function moveConversation(from, to) {
  const found = places.get(`@${from}`);
  if (!found || places.has(`@${to}`)) return;
  places.delete(found.name);
  found.name = `@${to}`;
  places.set(found.name, found);
  drawPlaces();
}

function enterRoom(name, state) {
  const found = placeOf(name);
  const seen = (talk.seen[name] = Math.max(talk.seen[name] ?? 0, state.head ?? 0));
  found.topic = state.topic ?? "";
  found.role = state.role ?? found.role;
  found.users = new Map((state.users ?? []).map((nick) => [nick, found.users.get(nick) ?? {}]));
  for (const nick of state.operators ?? []) if (found.users.has(nick)) found.users.get(nick).role ??= "operator";
  if (!found.bySeq.size && !found.asking) fill(found, seen);
  return found;
}

// The line is there again. Where nobody was gone on with, the server may have lost what was said, and gives the numbers
// of the lines that are shown once more: to others.
function beginAnew(fresh) {
  for (const found of places.values()) {
    found.asking = false; // what was asked before the cut is not answered any more
    if (!fresh) continue;
    found.bySeq.clear();
    Object.assign(found, { more: true, newFrom: null, readSent: 0 });
    if (isRoom(found.name)) found.lines = found.lines.filter((item) => item.waits);
    else for (const item of found.lines) delete item.seq;
  }
  if (fresh) talk.seen = {};
}

function dropPlace(name) {
  places.delete(name);
  delete talk.seen[name];
  if (place?.name === name) show(places.values().next().value ?? placeOf("#lobby"));
  drawPlaces();
  rememberSoon();
}

// Lines: each place has them in the order of its log; only the last of the one that is shown are in the page.

function add(found, item, quiet = false) {
  const { lines } = found;
  if (item.seq != null) {
    if (found.bySeq.has(item.seq)) return false;
    found.bySeq.set(item.seq, item);
  }
  item.calls ??= item.who !== talk.nick && item.kind !== "note" && !found.name.startsWith("@") && item.text != null && calls(item.text);
  let at = lines.length;
  if (item.seq != null) while (at > 0 && (lines[at - 1].seq ?? -1) > item.seq) at--;
  if (item.seq != null) while (at > 0 && lines[at - 1].waits) at--;
  const last = at === lines.length;
  lines.splice(at, 0, item);
  if (lines.length > HELD) {
    for (const old of lines.splice(0, lines.length - HELD)) {
      found.bySeq.delete(old.seq);
      if (found === place) old.node?.remove();
    }
    found.more = true;
  }
  if (found === place) {
    if (last && !quiet) drawSoon(item);
    else redrawSoon();
  }
  return true;
}

function note(found, text, kind = "") {
  add(found, { kind: "note", at: new Date().toISOString(), text, failed: kind === "failed" ? text : undefined, own: true });
}

function fill(found, before) {
  found.asking = true;
  request({ line: `/last ${PAGE}`, room: found.name, ...(before ? { before: before + 1 } : {}) }, (answer) => {
    if (answer.type === "history") {
      older(found, answer);
      return true;
    }
    if (answer.type !== "ack") found.more = false; // it is not recorded, perhaps
    found.asking = false;
    return true;
  });
}

function older(found, history) {
  const oldest = found.lines.find((item) => item.seq != null)?.seq ?? Infinity;
  for (const event of history.events) add(found, lineOf(event), true);
  if (history.events.some((event) => event.seq < oldest) || oldest === Infinity) found.more = history.more;
  if (!history.events.length) found.more = false;
}

function scrolledUp() {
  if (!place || place.asking || !talk.here) return;
  const first = window_.from;
  if (first > 0) {
    window_.from = Math.max(0, first - PAGE * 4);
    redrawSoon();
  } else if (place.more) {
    const oldest = place.lines.find((item) => item.seq != null)?.seq;
    fill(place, oldest == null ? undefined : oldest - 1);
  }
}

// Drawing: gathered once for each frame, for to read the layout after each line costs 10 ms a line in a long log.

const window_ = { from: 0, stuck: true }; // the first line that is in the page; whether its end is looked at
let drawing = false;
let added = [];
let whole = false;

function schedule() {
  if (drawing) return;
  drawing = true;
  const once = () => drawing && draw();
  requestAnimationFrame(once);
  setTimeout(once, 250); // a page that nobody sees has no frames, also after it was thawed
}

function drawSoon(item) {
  added.push(item);
  schedule();
}

function redrawSoon() {
  whole = true;
  schedule();
}

function redraw(found, item) {
  if (found !== place || !item.node) return;
  const node = nodeOf(item);
  item.node.replaceWith(node);
  item.node = node;
  schedule(); // it may be higher: whoever looks at the end still sees it
}

let before = null; // the last line that was drawn, for headings of days
function draw() {
  drawing = false;
  const { log } = ui;
  if (!place) return;
  const end = log.scrollHeight - log.scrollTop;
  if (whole) {
    whole = false;
    added = [];
    window_.from = window_.stuck ? Math.max(0, place.lines.length - SHOWN) : Math.min(window_.from, place.lines.length);
    const live = log.getAttribute("aria-live");
    log.setAttribute("aria-live", "off"); // what is only drawn again is not read aloud
    before = null;
    log.replaceChildren(...place.lines.slice(window_.from).flatMap(nodesOf));
    setTimeout(() => log.setAttribute("aria-live", live === "off" ? liveness() : live), 50);
  } else {
    const nodes = added.filter((item) => !item.node && place.lines.includes(item, -added.length - 50)).flatMap(nodesOf);
    added = [];
    log.append(...nodes);
    if (window_.stuck) {
      let extra = log.childElementCount - SHOWN * 1.2;
      if (extra > 0) {
        for (extra += SHOWN * 0.2; extra > 0; extra--) {
          const item = place.lines[window_.from];
          if (item?.node) {
            while (log.firstElementChild !== item.node) log.firstElementChild.remove();
            item.node.remove();
            item.node = null;
          }
          window_.from++;
        }
      }
    }
  }
  if (window_.stuck) {
    log.scrollTop = log.scrollHeight;
    shown(place);
  } else if (end) log.scrollTop = log.scrollHeight - end;
  ui["to-end"].hidden = window_.stuck;
}

const days = new Intl.DateTimeFormat(language, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
const times = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const moments = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
const dayOf = (item) => new Date(item.at).toDateString();

function nodesOf(item) {
  const nodes = [];
  if (!before || dayOf(before) !== dayOf(item)) nodes.push(make("h2", {}, days.format(new Date(item.at))));
  if (item.seq != null && item.seq === place.newFrom) nodes.push(make("p", { class: "new" }, t("new")));
  before = item;
  item.node = nodeOf(item);
  nodes.push(item.node);
  return nodes;
}

function nodeOf(item) {
  const classes = [item.kind === "note" && "note", item.calls && "calls", item.waits && "waits", item.failed && "failed"];
  const date = new Date(item.at);
  const time = make("time", { datetime: item.at, title: moments.format(date) }, times.format(date));
  const node = make("article", { class: classes.filter(Boolean).join(" ") || null }, time, " ");
  if (item.gone) node.append(make("b", {}, item.from ?? ""), " ", make("i", {}, `(${t("takenBack")}${item.why ? `: ${item.why}` : ""})`));
  else if (item.kind === "note") node.append("– ", ...linked(item.failed ?? item.text));
  else {
    if (item.kind === "action") node.append("* ", make("b", {}, item.from), " ");
    else node.append(make("b", {}, item.from), item.bot ? make("span", { class: "small" }, ` (${t("bot")})`) : "", ": ");
    node.append(...linked(item.text));
    if (item.waits) node.append(make("span", { class: "small" }, ` (${t("waits")})`));
    if (item.failed) {
      node.append(make("span", {}, ` – ${t("failed", { text: item.failed })} `), button(t("edit"), () => write(item.text)));
    }
  }
  return node;
}

// Text with its addresses as links; nothing else of it is anything but text.
function linked(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"“”«»]+[^\s<>"“”«».,;:!?)\]']/gi)) {
    parts.push(text.slice(from, match.index));
    parts.push(make("a", { href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

const liveness = () => (kept(localStorage, `${KEY} quiet`) ? "off" : "polite");

ui.log.addEventListener("scroll", () => {
  const { log } = ui;
  const stuck = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  if (stuck !== window_.stuck) {
    window_.stuck = stuck;
    ui["to-end"].hidden = stuck;
    if (stuck && place) shown(place);
  }
  if (log.scrollTop < 200) scrolledUp();
}, { passive: true });

ui["to-end"].addEventListener("click", () => {
  window_.stuck = true;
  redrawSoon();
});

// It stands before somebody's eyes: it is read, and the server is told, for their other devices.
function shown(found) {
  if (document.hidden || found !== place || !window_.stuck) return;
  if (found.unread || found.calls) {
    found.unread = found.calls = 0;
    drawPlaces();
  }
  const last = talk.seen[logOf(found.name)] ?? 0;
  if (last > found.readSent && talk.here) {
    found.readSent = last;
    clearTimeout(found.readTimer);
    found.readTimer = setTimeout(() => transmit({ read: { [logOf(found.name)]: last } }), 1000);
  }
}

function readUpTo(found, seq) {
  const unread = found.lines.filter((item) => item.seq > seq && item.kind !== "note" && item.who !== talk.nick);
  found.unread = Math.min(found.unread, unread.length);
  found.calls = Math.min(found.calls, unread.filter((item) => item.calls).length);
  drawPlaces();
}

function show(found) {
  if (place && place !== found) {
    place.draft = ui.line.value;
    place.newFrom = null;
    for (const item of place.lines) item.node = null;
  }
  const other = place !== found;
  place = found;
  if (other) {
    ui.line.value = found.draft;
    window_.stuck = true;
    if (isRoom(found.name)) history.replaceState(null, "", `#${found.name.slice(1)}`);
    if (!found.lines.length && !found.asking && talk.here && found.more) fill(found);
    if (isRoom(found.name) && talk.here) askWho(found);
  }
  for (const id of ["places", "people"]) open(id, false);
  drawPlace();
  redrawSoon();
  if (!ui.dialog.open && !matchMedia("(pointer: coarse)").matches) ui.line.focus();
  rememberSoon();
}

function drawPlace() {
  if (!place) return;
  ui.title.textContent = place.name;
  ui.topic.textContent = isRoom(place.name) ? place.topic || t("noTopic") : "";
  ui.say.setAttribute("aria-label", t("say", { place: place.name }));
  ui["line-label"].textContent = t("say", { place: place.name });
  ui.line.placeholder = t("say", { place: place.name });
  ui.log.setAttribute("aria-label", place.name);
  drawPlaces();
  drawPeople();
}

let placesDrawn = 0;
function drawPlaces() {
  placesDrawn ||= queueMicrotask(() => {
    placesDrawn = 0;
    const names = [...places.values()].sort((a, b) => isRoom(b.name) - isRoom(a.name) || a.name.localeCompare(b.name));
    ui.rooms.replaceChildren(...names.map((found) => {
      const counts = found.calls
        ? make("span", { class: "count calls" }, t("calls", { n: found.calls }))
        : found.unread ? make("span", { class: "count" }, t("unread", { n: found.unread })) : null;
      return make("li", {}, make("button", {
        type: "button", "aria-current": found === place ? "true" : null, onclick: () => show(found),
      }, make("span", {}, found.name), counts));
    }));
    const all = [...places.values()].reduce((sum, found) => sum + found.unread, 0);
    const calling = [...places.values()].reduce((sum, found) => sum + found.calls, 0);
    document.title = `${calling ? `(${calling}!) ` : all ? `(${all}) ` : ""}${place?.name ?? ""} – Chat`;
    ui["show-places"].textContent = `☰${all ? ` ${all}` : ""}`;
    ui["show-places"].setAttribute("aria-label", `${t("places")}${all ? `, ${t("unread", { n: all })}` : ""}`);
  }) ?? 1;
}

function askWho(found) {
  request({ line: "/who", room: found.name }, (answer) => answer.type === "reply" && (listed(answer), true));
}

function listed(reply) {
  const found = places.get(reply.room);
  if (!found) return;
  found.users = new Map(reply.users.map((user) => [user.nick, user]));
  found.role = found.users.get(talk.nick)?.role ?? found.role;
  drawPeople();
}

function drawPeople() {
  const users = place && isRoom(place.name) ? [...place.users] : [];
  ui["people-title"].textContent = users.length ? `${t("people")} (${users.length})` : t("people");
  ui["show-people"].hidden = !users.length;
  ui["show-people"].textContent = `@ ${users.length}`;
  ui["show-people"].setAttribute("aria-label", `${t("people")}: ${users.length}`);
  users.sort(([a], [b]) => a.localeCompare(b));
  ui.persons.replaceChildren(...users.map(([nick, user]) => {
    const facts = [
      nick === talk.nick && t("you"), user.bot && t("bot"), user.role && user.role !== "member" && t(user.role),
      user.away != null && t("away"), user.down && t("lineDown"),
    ].filter(Boolean);
    const told = facts.length ? make("span", { class: "small" }, facts.join(", ")) : null;
    const attributes = { type: "button", title: user.away || null, onclick: () => personMenu(nick, user) };
    return make("li", {}, make("button", attributes, make("span", {}, nick), told));
  }));
}

function open(id, is = !ui[id].classList.contains("open")) {
  ui[id].classList.toggle("open", is);
  ui[`show-${id}`].setAttribute("aria-expanded", String(is));
}

for (const id of ["places", "people"]) {
  ui[`show-${id}`].addEventListener("click", () => {
    open(id === "places" ? "people" : "places", false);
    open(id);
    if (ui[id].classList.contains("open")) ui[id].querySelector("button")?.focus();
  });
  ui[id].addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(id, false);
    ui[`show-${id}`].focus();
  });
}

// Writing.

function write(text) {
  ui.line.value = text;
  ui.line.focus();
}

function submit() {
  const text = ui.line.value.replace(/\s+$/, "");
  if (!text || !place) return;
  if (new TextEncoder().encode(text).length > 15_000) return status(t("tooLong"));
  const room = place.name;
  const typed = /^\/(?!\/)(\S+)\s*([^]*)$/.exec(text);
  if (!typed) post(place, { say: text.replace(/^\/\//, "/"), room });
  else if (isRoom(room) || /^(me|last|delete|borrar)$/i.test(typed[1])) post(place, { line: text, room });
  else post(place, { line: text });
  ui.line.value = "";
  window_.stuck = true;
  offer();
}

ui.say.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  ui.line.focus();
});

ui.line.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const options = [...ui.offers.children];
  if (!ui.offers.hidden && options.length) {
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = (at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
      return select(options[next]);
    }
    if (event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      return (options[at] ?? options[0]).click();
    }
    if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      return options[at].click();
    }
    if (event.key === "Escape") return void (ui.offers.hidden = true);
  }
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    submit();
  }
});

ui.line.addEventListener("input", () => offer());

function select(option) {
  for (const other of ui.offers.children) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    ui.line.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else ui.line.removeAttribute("aria-activedescendant");
}

// What may complete the word before the cursor: a command at the start, a nickname or a room elsewhere.
function offer() {
  const until = ui.line.value.slice(0, ui.line.selectionStart);
  const word = /\S*$/.exec(until)[0];
  let found = [];
  if (/^\/\S*$/.test(until)) {
    const name = word.slice(1).toLowerCase();
    found = talk.commands
      .filter((command) => command.name.startsWith(name) || command.aliases.some((alias) => alias.startsWith(name) && name))
      .map((command) => [`/${command.name} `, command.usage, command.help]);
  } else if (word.length > 1 && /^[@#\p{L}]/u.test(word)) {
    const bare = word.replace(/^@/, "").toLowerCase();
    const names = word[0] === "#" ? [...places.keys()].filter(isRoom) : [...(place?.users.keys() ?? [])];
    if (word[0] === "#" || word[0] === "@" || bare.length > 1) {
      const first = until === word && word[0] !== "#";
      found = names.filter((nick) => nick.toLowerCase().startsWith(bare) && nick !== talk.nick).map((nick) => [`${nick}${first ? ":" : ""} `, nick, ""]);
    }
  }
  ui.offers.hidden = !found.length;
  ui.offers.replaceChildren(...found.slice(0, 30).map(([text, title, help], index) => make("li", {
    role: "option", id: `offer-${index}`, "aria-selected": "false",
    onmousedown: (event) => event.preventDefault(),
    onclick: () => {
      ui.line.setRangeText(text, until.length - word.length, until.length, "end");
      ui.line.focus();
      offer();
      ui.offers.hidden = true;
    },
  }, title, help ? make("span", { class: "small" }, ` ${help}`) : null)));
  select(null);
}

// Dialogs: one at a time, of a title, some fields and buttons.

let questions = 0;

function ask(title, { text = "", body = [], buttons = [], error = "", entering = false, submit: done = null } = {}) {
  questions++;
  ui["dialog-title"].textContent = title;
  ui["dialog-text"].textContent = text;
  ui["dialog-text"].hidden = !text;
  ui["dialog-error"].textContent = error;
  ui["dialog-body"].replaceChildren(...body);
  ui["dialog-buttons"].replaceChildren(...buttons.map(([words, act], index) => {
    const last = index === buttons.length - 1 && done;
    return make("button", {
      type: last ? "submit" : "button", class: last ? "primary" : null,
      onclick: last ? null : () => closeUnlessAsked(act),
    }, words);
  }));
  if (entering) ui.dialog.dataset.entering = "yes";
  else delete ui.dialog.dataset.entering;
  ui["dialog-form"].onsubmit = (event) => {
    event.preventDefault();
    done?.(Object.fromEntries(new FormData(ui["dialog-form"])));
  };
  if (!ui.dialog.open) ui.dialog.showModal();
  (ui["dialog-body"].querySelector("input:not([hidden]), button") ?? ui["dialog-buttons"].lastElementChild)?.focus();
  ui.dialog.scrollTop = 0;
}

// Do something that may ask the next thing. A dialog that is closed and opened again in one breath leaves what is
// behind it without input in Chromium 156: keys come, and no letters.
function closeUnlessAsked(act) {
  const before = questions;
  act?.();
  if (before === questions) closeDialog();
}

function closeDialog() {
  ui.dialog.close();
  delete ui.dialog.dataset.entering;
  if (place && !matchMedia("(pointer: coarse)").matches) ui.line.focus();
}

ui.dialog.addEventListener("cancel", (event) => ui.dialog.dataset.entering && event.preventDefault());

function field(label, attributes = {}) {
  return make("label", {}, label, make("input", { autocomplete: "off", autocapitalize: "off", spellcheck: "false", ...attributes }));
}

// Coming in.

let restored = kept(sessionStorage, KEY) ?? {};
let asksFirst = null; // a fresh tab, and somebody who was here before

function comeIn() {
  if (talk.code) return resume(talk.code, talk.seen, true);
  if (restored.code) {
    talk.nick = restored.nick;
    return resume(restored.code, restored.seen, false);
  }
  if (entering) return void enterAs(entering);
  asksFirst ??= about.shared ? null : kept(localStorage, KEY);
  if (asksFirst?.code) askWhetherToGoOn(asksFirst);
  else askNickname();
}

const LATER = new Set(["not-stored", "busy", "slow-down"]); // why a code is not taken just now: it stays good

// `take`: of this page itself, which goes on; one that was only loaded, or duplicated, leaves another tab its session.
function resume(code, seen, take) {
  const tries = restored.tries ?? 0;
  request({ line: `/resume ${code}`, seen, ...(take ? {} : { take: false }) }, (answer) => {
    if (answer.type === "welcome") {
      for (const { id, place: name, request: object } of restored.waiting ?? []) {
        if (!waiting.has(id)) waiting.set(id, { id, place: name, request: object, shown: null });
      }
      if (!take) Object.assign(talk.seen, seen);
      return false;
    }
    if (answer.type !== "error") return false;
    if (answer.code === "seen-ahead") return resume(code, {}, take), true;
    if (LATER.has(answer.code)) return lost(line.number), true;
    if (answer.code === "in-use" && tries < 2) {
      restored.tries = tries + 1;
      setTimeout(() => line.socket && comeIn(), 700);
      return true;
    }
    const nick = restored.nick ?? talk.nick ?? "";
    talk.code = null;
    restored = { waiting: answer.code === "in-use" ? [] : restored.waiting };
    asksFirst = {};
    if (answer.code !== "in-use") keep(localStorage, KEY, null);
    keep(sessionStorage, KEY, null);
    askNickname(nick, answer.code === "in-use" ? t("elsewhere", { nick }) : t("noCode"));
    return true;
  });
}

function askWhetherToGoOn({ nick, code }) {
  ask(t("goOn", { nick }), {
    text: t("goOnText"),
    entering: true,
    buttons: [
      [t("other"), () => {
        asksFirst = {};
        askNickname();
      }],
      [t("goOnAs", { nick })],
    ],
    submit: () => {
      asksFirst = {};
      restored = { code, nick, seen: {} };
      resume(code, {}, false);
    },
  });
}

let entering = null;

function askNickname(nick = "", error = "") {
  ask(talk.hello?.server ?? t("enter"), {
    text: [t("enterText"), ...(talk.hello?.motd ?? [])].join("\n"),
    body: [field(t("nick"), { name: "nick", value: nick, required: true, maxlength: 40, autocomplete: "nickname" })],
    buttons: [[t("login"), askLogin], [t("come")]],
    entering: true,
    error,
    submit: ({ nick: wanted }) => enterAs(wanted.trim()),
  });
}

function enterAs(nick) {
  entering = nick;
  if (!line.socket) return connectAgain();
  if (!talk.hello) return;
  request({ line: `/nick ${nick}` }, (answer) => {
    if (answer.type === "welcome" || answer.type === "ack") entering = null;
    if (answer.type !== "error") return false;
    entering = null;
    askNickname(answer.proposal ?? nick, answer.text);
    return true;
  });
}

function askServerPassword(hello) {
  if (hello.password !== "wanted") return ask(t("serverPassword"), { text: wayToTls(), entering: true });
  if (talk.code || restored.code) return comeIn();
  ask(hello.server, {
    text: t("serverPassword"),
    body: [field(t("password"), { name: "password", type: "password", required: true, autocomplete: "off" })],
    buttons: [[t("come")]],
    entering: true,
    submit: ({ password }) => request({ password }, (answer) => {
      if (answer.type === "error") ui["dialog-error"].textContent = answer.text;
      return answer.type === "error";
    }),
  });
}

function wayToTls() {
  return about.encrypted ? t("encrypted", { url: about.encrypted }) : "";
}

// Why something is not done, and what would be right.
const reasonOf = (error) => [error.text, error.code === "needs-tls" ? wayToTls() : ""].join("\n");

function askLogin() {
  ask(t("login"), {
    text: t("loginText"),
    body: [field(t("nick"), { name: "nick", value: talk.nick ?? "", required: true, autocomplete: "username" })],
    buttons: [[t("cancel"), () => (talk.here ? null : askNickname())], [t("ok")]],
    entering: !talk.here,
    submit: ({ nick }) => request({ line: `/login ${nick}` }, passwordOrError),
  });
}

function passwordOrError(answer) {
  if (answer.type === "error") {
    ui["dialog-error"].textContent = reasonOf(answer);
    return true;
  }
  return false;
}

// For the browser's own store of passwords.
function userName(nick) {
  return make("input", { type: "text", name: "username", autocomplete: "username", value: nick ?? "", hidden: true });
}

function askPassword(reply) {
  const invitation = reply.asks === "invitation";
  ask(t("passwordOf", { nick: reply.nick ?? talk.nick ?? "" }), {
    text: reply.text,
    body: [userName(reply.nick ?? talk.nick), field(t(reply.asks === "again" ? "repeat" : "password"), {
      name: "password", type: invitation ? "text" : "password", required: true,
      autocomplete: reply.asks === "present" ? "current-password" : "new-password",
    })],
    buttons: [[t("cancel"), () => {
      transmit({ line: "/cancel" });
      if (!talk.here) askNickname(reply.proposal ?? "");
    }], [t("ok")]],
    entering: !talk.here,
    submit: ({ password }) => request({ password }, (answer) => {
      if (answer.type === "ack" && mine === questions) closeDialog(); // else it was followed by the next question
      if (answer.type === "error") {
        if (talk.here) ask(t("login"), { text: answer.text, buttons: [[t("close")]] });
        else askNickname(reply.proposal ?? "", answer.text);
        return true;
      }
      return false;
    }),
  });
  const mine = questions;
}

// Menus.

function choices(title, entries, text = "") {
  ask(title, {
    text,
    body: entries.filter(Boolean).map(([words, act]) => button(words, () => closeUnlessAsked(act))),
    buttons: [[t("close")]],
  });
}

const command = (text, room = place?.name) => post(place, room && isRoom(room) ? { line: text, room } : { line: text });

function personMenu(nick, user) {
  if (nick === talk.nick) return choices(nick, [[t("whois"), () => command(`/whois ${nick}`)]]);
  const may = ["owner", "operator"].includes(place.role);
  choices(nick, [
    [t("private"), () => show(placeOf(`@${nick}`))],
    [t("mention"), () => write(`${ui.line.value}${nick}: `)],
    [t("whois"), () => command(`/whois ${nick}`)],
    talk.ignored.has(nick)
      ? [t("unignore"), () => (talk.ignored.delete(nick), command(`/unignore ${nick}`))]
      : [t("ignore"), () => (talk.ignored.add(nick), command(`/ignore ${nick}`))],
    may && [t("mute"), () => command(`/mute ${nick} 10m`)],
    may && [t("unmute"), () => command(`/unmute ${nick}`)],
    may && [t("takeBack"), () => command(`/delete ${nick}`)],
    may && [t("kick"), () => command(`/kick ${nick}`)],
    may && [t("ban"), () => command(`/ban ${nick} 1d`)],
    may && user.role !== "operator" && [t("op"), () => command(`/op ${nick}`)],
    may && user.role === "operator" && [t("deop"), () => command(`/deop ${nick}`)],
  ], user.away ?? "");
}

function mainMenu() {
  const room = place && isRoom(place.name);
  const quiet = liveness() === "off";
  choices(t("menu"), [
    [t("invite"), invite],
    place && [t("search"), search],
    room && [t("topic"), editTopic],
    [t("login"), askLogin],
    [t("register"), () => request({ line: "/register" }, (answer) => {
      if (answer.type === "error") note(place, reasonOf(answer), "failed");
      return answer.type === "error";
    })],
    [t("notice"), askNotifications],
    [`${quiet ? "☐" : "☑"} ${t("pause")}`, () => {
      keep(localStorage, `${KEY} quiet`, quiet ? null : true);
      ui.log.setAttribute("aria-live", liveness());
    }],
    [t("print"), () => print()],
    [t("help"), () => command("/help")],
    place && (room ? [t("leaveRoom"), () => command("/leave")] : [t("closePrivate"), () => dropPlace(place.name)]),
    [t("leave"), leave],
  ], talk.nick ?? "");
}

function leave() {
  ask(t("leave"), {
    text: t("leaveText"),
    buttons: [[t("cancel")], [t("leave")]],
    submit: () => {
      line.wanted = false;
      transmit({ line: "/quit" });
      forget();
      waiting.clear();
      ui.app.hidden = true;
      places.clear();
      place = null;
      talk.nick = null;
      talk.seen = {};
      ask(t("left"), { buttons: [[t("again")]], entering: true, submit: () => (asksFirst = {}, connectAgain()) });
    },
  });
}

function editTopic() {
  ask(t("topic"), {
    body: [field(t("topic"), { name: "topic", value: place.topic, maxlength: 200 })],
    buttons: [[t("cancel")], [t("ok")]],
    submit: ({ topic }) => {
      closeDialog();
      command(`/topic ${topic.trim() || "-"}`);
    },
  });
}

ui.topic.addEventListener("click", () => place && isRoom(place.name) && editTopic());

function search() {
  const found = place;
  const results = make("div", { role: "list" });
  const told = make("p", { role: "status" });
  ask(t("search"), {
    body: [field(t("searchFor", { place: found.name }), { name: "words", type: "search", required: true }), told, results],
    buttons: [[t("close")], [t("lookUp")]],
    submit: ({ words }) => request(isRoom(found.name) ? { line: `/grep ${words}`, room: found.name } : { line: `/grep ${words}` }, (answer) => {
      if (answer.type === "history") {
        told.textContent = t("found", { n: answer.total ?? answer.events.length });
        results.replaceChildren(...answer.events.map((event) => make("div", { role: "listitem", class: "found" },
          make("time", { datetime: event.at, class: "small" }, moments.format(new Date(event.at))), " ",
          make("b", {}, event.from), ": ", ...linked(event.text))));
      } else if (answer.type === "error") told.textContent = answer.text;
      return true;
    }),
  });
}

function joinRoom() {
  ask(t("join"), {
    body: [make("label", {}, `${t("room")} (${t("roomHint")})`, make("input", { name: "room", required: true, list: "known", autocapitalize: "off" })),
      make("datalist", { id: "known" })],
    buttons: [[t("cancel")], [t("join")]],
    submit: ({ room }) => {
      const name = `#${room.trim().replace(/^#/, "")}`;
      if (places.has(name)) {
        closeDialog();
        return show(placeOf(name));
      }
      request({ line: `/join ${name}` }, (answer) => {
        if (answer.type === "error") ui["dialog-error"].textContent = answer.text;
        if (answer.type === "reply") closeDialog();
        return answer.type === "error";
      });
    },
  });
  request({ line: "/rooms" }, (answer) => {
    if (answer.type === "reply") $("known")?.replaceChildren(...answer.rooms.map((room) => make("option", { value: room.name }, room.topic)));
    return true;
  });
}

function invite() {
  const room = place && isRoom(place.name) ? place.name : "#lobby";
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const base = local && about.addresses.length ? about.addresses[0] : location.href.split("#")[0];
  const url = room === "#lobby" ? base : `${base}#${encodeURIComponent(room.slice(1))}`;
  const input = make("input", { readonly: true, value: url, "aria-label": t("invite") });
  const image = make("img", { alt: `QR: ${url}`, src: `qr.svg?of=${encodeURIComponent(url)}`, hidden: true, onload: () => (image.hidden = false) });
  ask(t("invite"), {
    text: t("inviteText", { place: room }),
    body: [input, image],
    buttons: [[t("close")], [t("copy")]],
    submit: async () => {
      input.select();
      if (navigator.clipboard) await navigator.clipboard.writeText(url).catch(() => document.execCommand("copy"));
      else document.execCommand("copy");
      ui["dialog-error"].textContent = t("copied");
    },
  });
}

// Notifications, where the browser has them: only where the way here is encrypted, or this machine's own.

function askNotifications() {
  if (!isSecureContext || !("Notification" in window)) return note(place, t("noticeNo"));
  Notification.requestPermission().then((given) => note(place, t(given === "granted" ? "noticeOn" : "noticeDenied")));
}

function notify(found, item) {
  if (!isSecureContext || !("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  try {
    const shown = new Notification(`${item.from} – ${found.name}`, { body: item.text, tag: found.name });
    shown.onclick = () => {
      window.focus();
      show(found);
      shown.close();
    };
  } catch { /* only a service worker may, on phones */ }
}

function hashRoom() {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return name ? `#${name.replace(/^#/, "")}` : null;
  } catch {
    return null;
  }
}

addEventListener("hashchange", () => {
  const name = hashRoom();
  if (!name || !talk.here) return;
  if (places.has(name)) show(placeOf(name));
  else request({ line: `/join ${name}` });
});

ui["show-menu"].addEventListener("click", mainMenu);
ui.join.addEventListener("click", joinRoom);

document.documentElement.lang = language;
for (const [id, name] of [["places-title", "places"], ["people-title", "people"], ["join", "join"], ["send", "send"], ["to-end", "toEnd"]]) {
  ui[id].textContent = t(name);
}
ui["show-menu"].textContent = "⋮";
ui["show-menu"].setAttribute("aria-label", t("menu"));
ui.places.setAttribute("aria-label", t("places"));
ui.people.setAttribute("aria-label", t("people"));
ui.offers.setAttribute("aria-label", t("offers"));
ui.log.setAttribute("aria-live", liveness());
visualViewport?.addEventListener("resize", () => window_.stuck && (ui.log.scrollTop = ui.log.scrollHeight));

try {
  Object.assign(about, await (await fetch("about.json", { signal: AbortSignal.timeout(3000) })).json());
} catch { /* the page does without */ }
connectAgain();
