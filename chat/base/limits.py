"""Every number that limits something, with its reason.  Sizes are bytes and times seconds unless said otherwise."""

# --- lines -------------------------------------------------------------------------------------------------------

LINE = 16 * 1024
"""The longest line that is read.  A terminal cuts at 4096; programs may send several lines of talk as one object."""

TEXT = 2000
"""A message on one line, in UTF-8: more than a screen of text, and what fits a terminal's 4096 with room to spare."""

PASTE_LINES = 100
PASTE_TEXT = LINE
"""A message of several lines: a traceback or a page of a file, not the whole file."""

LINES_PER_READ = 64
"""Lines of one client handled before the others get their turn; a pasted screen still goes in one."""

READ = 8 * 1024
"""Bytes that are read of one client at once.  In lines of two letters, which wait for their time, they take 240 KiB
(measured); the 64 KiB that Twisted reads would take 1.3 MiB."""

AHEAD = 32 * 1024
AHEAD_LINES = 1000
"""Characters and lines that wait for their time and are read all the same, so that a /cancel behind them is found: ten
screens of a file.  Of more the rest waits in the kernel."""

# What one client can make the server hold, by the limits in this file, measured in KiB: the connection and its session
# 11, over TLS 38; lines that wait 300 (READ, AHEAD), over TLS, of longer records, 590; a line without its end 16
# (LINE); a draft 17 (PASTE_TEXT); answers to telnet 2; people ignored 16 (IGNORES); rooms of its own 200
# (ROOMS_PER_PERSON); and where it does not read, a page 64 (PAGE_BYTES) or an answer of history 215 (HISTORY_BYTES).
# Together less than 0.75 MiB, over TLS 1.1; of somebody who just talks or listens 11 to 50 KiB.  The kernel's own
# buffers come on top of that (SEND_BUFFER).

SEND_BUFFER = 128 * 1024
"""Bytes that the kernel holds for one who does not read, twice that with what it needs itself: two pages.  By itself it
holds 4 MiB of each, and a few dozen of them use up what a small machine lets all sockets have; where 100 of 1000 people
stopped reading, filling that took a third of the others' speed (measured).  It is 1.3 MB/s around the earth."""

PORTION_SECONDS = 0.002
ROUND_SECONDS = 0.02
"""Time for the lines of one client before the next one's, and of all before the rest of the server's work: with the
first limit alone, 200 clients from one address held up everybody for 4 s with 60 times /help all each (measured)."""

LET_IN_PART = 4
"""Of the server's time a quarter is for who comes in and is let in at once.  Those who are more than that, such as all
after a restart, have `PORTION_SECONDS` each time that others had theirs."""

# --- the budget: what a connection may make the server do --------------------------------------------------------

BUDGET_BURST = 50_000.0
BUDGET_RATE = 10_000.0
"""Microseconds of the server's time that a connection may take at once, and then in a second: a hundredth of a core.
Somebody who talks takes 100 in a second, who comes back after a night 10 000, and the dearest line (/last 500) 10 000.
Where lines have no rate there is no budget."""

BUDGET_BY = 20
"""An address may take what so many connections may: a second, which 200 need who come back at once, and then a fifth of
a core, so that the others have the rest.  Where it may have any number of connections it has no such limit."""

BUDGET_WAIT_SECONDS = 5.0
"""Nobody waits longer than this for what others of their address took: as coming is waited for by nobody, who connects
again and again for ten minutes would otherwise keep their neighbours waiting for as long again."""

# The prices, in microseconds as measured (CPython 3.11, 2.5 GHz), rounded up.

PRICE_READ = 30.0
"""Whatever comes at once: the reactor, the kernel."""

PRICE_LINE = 20.0
PRICE_BYTE = 0.02
"""A line, and each byte of what comes, lines or not: 250 KB a second of bytes that never make a line."""

PRICE_REQUEST = 150.0
"""A line that is handled by itself: all but talk that people type.  A connection that is made, too."""

PRICE_NEAREST = 1_500.0
"""A line that names somebody, a room or a command that there is not: the nearest of all names is looked for, in 2 500
at most (NEAR_LOOKED_AT)."""

PRICE_ANSWER = 10.0
PRICE_ANSWER_BYTE = 0.2
"""An answer, and each byte of it, with what was looked up for it: /help all is 500 in all, /rooms 600, /who among a
thousand people 1 000, and for a program, which gets their names, 9 000."""

PRICE_SHOWN = 20.0
"""What somebody's state, such as that they type, costs for each client that is shown it: whoever brings it about pays,
as those who are shown it have not asked for it."""

PRICE_FITTING = 0.5
"""A room that is looked at, whether its name fits, for each mask that an IRC client lists rooms by."""

PRICE_MEASURE = 2.0
"""A measure of a room that is looked at where somebody lists its bans."""

PRICE_LOOKED_AT = 10.0
"""A line in private that an IRC client has looked at for its id (measured: 97 ms for ten thousand)."""

PRICE_PAGE_BYTE = 0.06
"""Each byte of a page of history: 500 short lines are 4 000 or, for a program, 6 500."""

PRICE_QUERY = 500.0
PRICE_QUERY_PART = 500.0
"""A question to the store, and each word of it in each log that it is about, but no more than SEARCH_SECONDS: another
thread looks them up, which has to have the interpreter for it."""

PRICE_UNREAD = 1_000.0
"""What is new in a log, where the store counts it, beside the question: of a thousand lines 700, and 1 500 where the
search index does not have them yet."""

PRICE_SPOKEN = 20_000.0
"""A look for the lines of somebody, in SPOKEN_LOOKED_AT: it is done in another thread, with the interpreter's lock."""

PRICE_HANDSHAKE = 1_500.0
"""Of TLS: a signature and two key exchanges."""

PRICE_SEALED_BYTE = 0.4
"""Each byte of TLS that is no byte of what was said, 22 to a record: so much that of records which hold nothing, and of
those that change keys (27 bytes), no more are read than the server has time for."""

SEALED_AT_ONCE = 256
"""Bytes of TLS that are opened at once: a line or ten changes of keys, 0.1 ms.  More, and handshakes, wait for their
turn."""

HANDSHAKES_TRIMMED = 100
"""After so many handshakes of TLS the memory that they needed is given back, once none is under way."""

SEALED_ANSWERS = 16 * 1024
"""Bytes that OpenSSL answers by itself to who takes nothing: 600 changes of keys, of which a client needs one in
weeks."""

# --- the log and its readers -------------------------------------------------------------------------------------

TAIL_EVENTS = 5000
TAIL_BYTES = 2 * 1024 * 1024
"""What a log keeps in memory, as much as one turn can bring (PENDING_BYTES): who is full in the middle of it finds the
rest here.  A reader that is further behind asks the store instead: 10 MB then take 0.8 s, not 0.3 (measured)."""

TAILS_BYTES = 64 * 1024 * 1024
"""What all tails keep in memory together: one small machine must hold any number of rooms."""

ENTRY_OVERHEAD = 400
"""What an entry costs beside its text: measured with tracemalloc, dataclasses and strings of a short message."""

MEMORY_EVENTS = 10_000
MEMORY_BYTES = 64 * 1024 * 1024
"""What the in-memory store keeps: events of one log, and bytes of all logs, oldest out first."""

MEMORY_ROWS = 100
"""Lines that a search of the in-memory store reads before it looks at the time: some 0.5 ms."""

MEMORY_IDS = 100_000
"""Ids of lines that the in-memory store remembers: it has no clock, and a day of a busy server has fewer."""

SEND_SECONDS = 5e-6
"""What it costs to send something to one more person, however much it is: nearly all of it the kernel's (measured)."""

COALESCE_FROM = 25
COALESCE_AUTHORS = 3
COALESCE_TURNS = 8
COALESCE_LOAD = 0.25
COALESCE_PER_RECIPIENT = 10 * SEND_SECONDS
COALESCE_SECONDS = 0.005
"""Where one turn had so many recipients (fewer cost next to nothing), and so many people said so much in the last
such turns that to send it line by line would take this part of the time, the next one waits: ten times what it costs to
send to each recipient, but no longer than nobody notices."""

COALESCE_GAPS = 4
COALESCE_SILENCE_SECONDS = 0.0003
"""It has waited long enough when nothing came for so many times what lingers between two lines, and for this at least:
so long somebody takes to answer who only waits for us."""

PAGE_EVENTS = 500
PAGE_BYTES = 64 * 1024
FRAME = 128
"""What a reader gets at once: enough to keep a fast connection full, little enough for memory.  An entry counts as its
text and what stands around that, which on the wire of programs is so much."""

PENDING_EVENTS = 5000
PENDING_BYTES = 2 * 1024 * 1024
"""What may wait for the store before the sockets of authors are no longer read: a commit of so much takes less than
0.1 s (measured), and what is said meanwhile waits for it."""

HISTORY_AT_ONCE = 50
HISTORY_BYTES_AT_ONCE = 8 * 1024
"""Lines of history, and characters, that are made at once, in a millisecond at most: longer answers are made in pages,
between which the others are served."""

HISTORY_DEFAULT = 20
HISTORY_MOST = 500
"""Messages shown on entering a room, and at most by one request."""

GIVEN_BACK = 500
"""So many entries of what somebody has not read yet another device of theirs is given: the rest is history."""

UNREAD_MOST = 1000
"""What others said that somebody has not read is counted so far: who has more to read needs no number."""

UNREAD_HELD = 100
"""So many entries are counted where they are held in memory, in 0.1 ms; more are counted by the store."""
# --- IRC ---------------------------------------------------------------------------------------------------------

IRC_LINE = 510
IRC_TAGS = 4096
"""A message of IRC without its end (RFC 1459, 2.3), and the tags before it (IRCv3 message-tags): what comes longer is
refused whole, and what goes out is never longer, for clients cut it."""

IRC_CLIENT_TAGS = 512
"""Bytes of the tags of a message that are for the clients of others: an answer, a reaction, that somebody types.  They
are sent to each of a room."""

IRC_SURE = 250
"""Bytes of a text that fits one message of IRC whoever says it where: names of people and rooms take 260 at most."""

IRC_WORD = 120
"""Bytes of what somebody wrote that an answer repeats as one of its parameters: no name is longer."""

IRC_TARGETS = 20
"""Names in one JOIN, PRIVMSG and the like: a client that comes back joins its rooms at once."""

READ_MARKERS = 200
"""Rooms and people of whom an IRC client of somebody has said up to when they read; then the oldest is forgotten."""

CHATHISTORY_PAGES = 20
"""Pages of PAGE_EVENTS that are looked through for what was said behind a place: as much as a store counts."""

CREDENTIALS = 4 * 512
"""Characters in which an IRC client sends a name and a password (base64): what a password may be, and some."""

IRC_IDLE_SECONDS = 30.0
"""An IRC client that was silent for so long is sent a PING, within SWEEP_SECONDS more: one of the libraries never pings
by itself and gives a silent server up (measured), and HAProxy as Debian ships it ends what is idle for 50 s."""

IRC_PONG_SECONDS = 30.0
"""A PONG waits for what was said before it to be stored, but no longer: clients give up after 95 s (measured)."""

SPOKEN_LOOKED_AT = 10_000
"""Lines of a log among which those of somebody are looked for, the newest: a day of a full room, in 30 ms."""

REDACTED_AT_ONCE = 200
"""Lines that are taken back by one fact, in one transaction: more are taken back one such part after the other."""

REDACTED_LISTED = 5
"""Own lines that one is shown to choose from; of more that were taken back, so many are quoted."""

REDACTIONS = 20
REDACTION_SECONDS = 3.0
"""Times that somebody may take something back at once, and then one each so many seconds: the others are told."""

REPORTS = 5
REPORT_SECONDS = 60.0
"""Times that somebody may report others to whoever runs the server at once, and then one each so many seconds."""

REPORT = 500
"""Why somebody is reported, in UTF-8: a few sentences."""

FORGOTTEN_AT_ONCE = 500
"""Entries that are looked at, in one transaction, when somebody is to be forgotten: in some 5 ms, and 50 where all are
theirs (measured), in which nobody's line is stored."""

EXPORTS = 2
EXPORT_SECONDS = 300.0
"""Times that somebody may have all that they said at once, and then one each so many seconds: it is looked for
everywhere."""

EXPORT_PAUSE_SECONDS = 0.1
"""How long an export waits for whoever reads it, before it looks again."""

WRITTEN_ANEW = 8
"""Rows before and behind a line that is taken back which are written to other pages, as SQLite may have left a copy in
those where they were: some 3 KB, more than a page of each kind holds."""

LOOKED_THROUGH = 1024 * 1024
LOOKED_SECONDS = 0.02
"""Bytes of the database in which what was taken back is looked for at once, and how long that may take: nobody's line
is stored meanwhile."""

LOOKED_FOR = 8
"""Bytes of a line that are looked for: fewer are a word that anybody may have said, and tell nothing of anybody."""

LOOKED_FOR_MOST = 30_000
"""Such parts of lines that are looked for, three of each, in 3 MB of memory: where more was taken back, all pages in
which anything is left are written anew."""

SCRUB_ROUNDS = 5
"""Times that the database is looked through at most, and what is found there written anew."""

SCRUB_SECONDS = 1.0
"""After a redaction, when nothing came for so long, what is left of it outside its row is overwritten."""

SCRUB_WAITS_SECONDS = 60.0
"""Where somebody speaks all the time, that waits for so long; then a step of it is done each SCRUB_SECONDS."""

MERGED_PAGES = 64
"""Pages of the search index that are merged at once, in some milliseconds."""

# --- people and rooms --------------------------------------------------------------------------------------------

ROOMS_PER_PERSON = 50
"""Rooms one can be in: each costs a cursor on the server and a column in the person's mind."""

ROOMS = 10_000
"""Rooms in memory: those with people, and as many others as fit; a room that is not there is looked up when somebody
asks for it."""

ROOMS_PER_HOST = 500
"""Those of them that one address may hold, having come into them when nobody was there: a class of 40 with a dozen
rooms each.  Otherwise five addresses took the place of all."""

IGNORES = 100
"""People one can ignore."""

WATCHED = 100
"""Nicknames for which one connection may watch."""

DEPARTED = 100
"""Those who left last and are still known by their nicknames: whom one has just seen go."""

TOPIC = 200
"""A topic, in UTF-8: it stands in one line of /rooms."""

WORDS = 200
"""What people say of themselves on /away and /quit, in UTF-8."""

GATHER_FROM = 13
GATHER_SECONDS = 30.0
"""In a room of this many, coming and going is told once in this time, not person by person."""

NAMES_SHOWN = 3
"""Names in a gathered announcement before "and 9 more"."""

# --- connections -------------------------------------------------------------------------------------------------

NICK_SECONDS = 180.0
NICK_REMINDER_SECONDS = 120.0
"""Time to choose a nickname, and when one is reminded: an open port is not to be filled with silent guests."""

NICK_PAUSE_SECONDS = 0.5
"""After a refused nickname the next answer waits this long for the end of input: a script's talk is no nickname."""

NICK_READ_SECONDS = 2.0
"""Unless it came so long after the refusal: somebody has read it, and types.  Scripts sleep for a second."""

PIPE_SECONDS = 2.0
STOP_SECONDS = 0.5
"""Of one who is gone while lines wait for their time, these are dropped where they began to wait so long after the
first line, and the input ended so long after its last bytes: that is a person who has seen a paste by mistake.  All
that a program pipes in is said, as it comes at once, or ends at once."""

STALL_SECONDS = 120.0
"""A connection that takes nothing for this long while something waits for it is hopeless."""

UNACKED_SECONDS = 120.0
"""Sent bytes that no machine acknowledged for this long: the peer is dead (keepalive rests in that state)."""

KEEPALIVE_IDLE = 60
KEEPALIVE_INTERVAL = 15
KEEPALIVE_COUNT = 4
"""A silent peer is asked after a minute and given up a minute later."""

SWEEP_SECONDS = 15.0
"""How often connections are looked at for the two limits above, and the place of people on the plain wire is stored:
after a crash they read this much again, at most."""

IDLE_TELNET_SECONDS = 30.0
"""Telnet to which nothing went for so long is sent a NOP, within SWEEP_SECONDS more: the shortest time after which a
proxy ends what is idle is 50 s (HAProxy as Debian ships it), and keepalive does not count there (measured)."""

SILENT_SECONDS = 90.0
"""A program that pings is given up after so long without a byte, and SWEEP_SECONDS at most: three of PING_SECONDS.
Behind a proxy nothing else tells that its machine is gone."""

CLOSE_SECONDS = 2.0
"""A connection that is being closed may still read for this long, also when the server stops."""

BURST = 60
"""Lines one may send at once: a pasted page."""

LINE_PRICE = 500
"""Bytes that one line of the burst and the rate pays for, each started 500: a paste of 16 KiB takes as much of the disk
and of everybody's screen as 33 lines do, and waits as long as these."""

LINE_CHEAP = LINE_PRICE // 4
"""Characters that are one line's whatever they are: nearly all lines, of which the bytes need not be counted."""

RATE = 2.0
"""Lines a second after the burst; more is delayed by not reading, never dropped."""

MAX_PER_HOST = 200
"""Connections from one address: a class of 40 behind one router never meets it."""

CONTROL_SECONDS = 10.0
"""For which `chat-server admin` waits for the server to take a connection, or to go on with an answer: it is on the
same machine, and answers at once unless it hangs."""

BACKLOG = 1024
"""Connections that wait to be accepted: of Twisted's 50, the next one waits a second for its SYN to be sent again
(measured: 500 who come at once, as after a restart, need 8 s instead of 0.02)."""

RESERVED_FILES = 100
"""File descriptors left for the store, the log and the reactor when clients are counted."""

COMPANY_SHOWN = 8
"""Names in the greeting; beyond it a number says more."""

ID = 64
"""A line's id, in characters: a UUID and some; it is kept with the event."""

# --- bytes, text and names ---------------------------------------------------------------------------------------

SUBNEGOTIATION = 512
"""Bytes of a telnet subnegotiation that are skipped while its end is awaited: no real one is as long."""

TELNET_ANSWERS = 1024
"""Answers to telnet that may wait before a repeated question goes without: one packet of ^C needs a few bytes."""

BINARY_SECONDS = 1.0
"""A telnet that was asked for BINARY answers at once, over a satellite after 0.7 s: until then its letters may be
damaged.  What speaks no telnet but ends its lines in CR LF never answers."""

MARKS = 6
"""Combining marks on one letter: Hebrew and Tibetan need five; a hundred climb over the lines above."""

NICKNAME = 20
"""Characters of a nickname: it stands in front of every line."""

ROOM = 32
"""Characters of a room's name without its #: people call theirs #frontend-team-standup."""

NICKNAME_COLUMNS = 24
ROOM_COLUMNS = 36
"""Columns of the same: letters of East Asia take two each."""

NAME_READ = 8 * ROOM
"""Characters of a text that are looked at where a name should stand: a longer one is no name however it is composed,
and the time that Unicode normalization takes grows with the square of a pile of marks."""

WORD_SHOWN = 20
"""Characters of an unknown command that its error repeats: no command is longer."""

NEAR_LOOKED_AT = 500
"""Nicknames that a mistyped one is compared with: at 5 µs each, so that a wrong name costs 3 ms at most."""

NUMBERED_NAMES = 1_000_000
"""The highest number that a proposal puts behind a name: more than a server has clients."""

NICKS_TRIED = 10
"""Nicknames that are tried for somebody who comes back and whose own is taken, on another node: each is a turn."""

PEOPLE_SHOWN = 200
ROOMS_SHOWN = 50
"""Names and rooms in one answer; a number says how many more there are."""

# --- the client --------------------------------------------------------------------------------------------------

OBJECT = 2 * 1024 * 1024
"""The longest line that a server may send: HISTORY_MOST lines of TEXT, and as much again for keys and escapes."""

CLIENT_READ = 8 * 1024
"""Bytes that the client reads at once: fifty lines, which take it 1 ms; in 64 KiB a key waited for 10."""

LINES_KEPT = 64
"""Lines that wait to be sent or confirmed before the input is not read on: as many as a server takes in one burst."""

ROWS = 1000
"""Lines of one message or answer that are shown: a server of ours has a tenth of it, one of somebody else's might make
two million of an OBJECT."""

PING_SECONDS = 30.0
PONG_SECONDS = 10.0
"""A silent server is asked after the one, after the other where it owes an answer, and given up after the other."""

CONFIRM_SECONDS = 120.0
"""A server that speaks but confirms nothing for this long is left, and a script whose input has ended waits no longer
for one that is away: it must not wait for ever."""

HELLO_SECONDS = 5.0
"""A server that has said nothing for this long may be none of ours: an IRC server waits for others to speak first."""

RETRY_SECONDS = 1.0
RETRY_MOST_SECONDS = 30.0
"""About the first and the longest pause between two attempts to connect."""

STAYED_SECONDS = 10.0
"""Who was in by one address of a chat for so long tries the others without a pause: servers that let people in and lose
them at once are not to be run through in a circle."""

ANSWER_SECONDS = 5.0
"""How long an address may take to be connected to, where the chat has others: any that is there takes less."""

ONLY_ANSWER_SECONDS = 30.0
"""The same of the only address there is."""

TLS_SECONDS = 10.0
"""How long a server may take from the connection to the end of the handshake; ours waits as long itself."""

HOSTS_SHOWN = 3
HOST = 253
"""Names of computers in a certificate that are shown, and characters of each: a name of DNS has no more."""

LEAVE_SECONDS = 1.0
"""How long a goodbye may take: whoever pressed Ctrl-C wants their prompt back."""

REMEMBERED = 1000
"""Facts and rooms of which the client remembers that they were shown."""

LINES_HELD = 1000
"""Lines of a conversation that is not open which wait to be shown; of more than these somebody reads the newest."""

PAGE_LINES = 10_000
PAGE_TRIM = 200
"""Lines of a conversation that a window keeps, and some more, so that not each line takes one away; twice as many while
somebody looks at the older ones.  A line takes 1 KiB there."""

WINDOW_SECONDS = 0.02
"""How often Tk is asked for keys, which has no other way to tell of them: in steps of 10 ms that takes 3 % of a
processor at rest."""

EARLIER_LINES = 100
"""Older lines that a window asks for at once: three screens."""

WHO_SECONDS = 20.0
"""How often a window asks who of a room is away, or has their line down, while somebody looks at it: of that the server
tells nothing by itself."""

TALKS = 200
"""Conversations of one person: some rooms, and a private one with everybody who wrote; beyond, the oldest is closed."""

WAITING_SHOWN = 5
"""Own lines above the prompt that the server has not confirmed: on a small screen there is to be room for others'."""

SPOKE_SECONDS = 1800.0
"""Who said nothing for this long comes and goes without a line of its own."""

TICK_SECONDS = 1.0
"""How often a screen is drawn anew only because time went by."""

FIND_SECONDS = 2.0
SERVERS_FOUND = 100
"""How long servers on the local network have to answer, and how many are listed: a network may be full of nonsense."""

READ_SECONDS = 5.0
"""How often the server is told how far somebody has read, who presses keys all the time."""

READING_SECONDS = 120.0
"""Without a key for this long nobody may be reading: what comes then is marked as new."""

TYPED = PASTE_TEXT
"""Characters of what is typed and not sent yet: more could not be said."""

UNDONE, UNDONE_TEXT = 100, 4 * TYPED
"""States of it that are kept, to go back to, and characters of them in all."""

CUT = 4
"""Pieces that were cut, of which each can be put in again: prompt_toolkit keeps sixty."""

SHOW_SECONDS = 0.05
"""The shortest time between two pictures of a screen that is written to; what comes meanwhile is in the next one."""

TERMINAL_SECONDS = 0.5
"""How long a terminal that takes nothing is waited for before it is asked whether somebody wants the client to end."""

LINES_AGAIN = 200
"""Lines that `/again` can repeat: some minutes of talk."""

ALERTS_KEPT = 20
ALERT_SECONDS = 60.0
"""Calls that wait for the command that is told of them, and how long it may take for each: what is older than twenty of
them calls nobody any more."""

KEYRING_SECONDS = 60.0
"""How long the system's keyring may take, which may ask somebody to unlock it."""

HISTORY_LINES, HISTORY_TEXT = 1000, 1024 * 1024
"""Typed lines that are kept for the next start; and characters of them that are in memory."""

KEEP_SECONDS = 1.0
"""How often a client writes down what it has shown: killed, it shows this much again when it comes back."""

UNWRITTEN = 64 * 1024
"""Output that nobody takes before the server is not read on: what a pipe holds itself."""

MOTD_LINES = 5
"""The message of the day: newcomers should see the end of it, and the question below it."""


# --- leaving, cuts, resuming -------------------------------------------------------------------------------------

GRACE_SECONDS = 180.0
"""How long a nickname and the rooms are held after a cut: a laptop's lid, a train's tunnel, a restart."""

LEASE_SECONDS = 10.0
"""A node that has not said for so long that it is there is taken for dead: its people are held by another one.  Longer
than a pause of its process, shorter than people wait."""

GONE_NODE_SECONDS = 7 * 24 * 3600.0
"""So long whoever runs the server is told of a node that is not there: longer than a machine is being mended, and one
of a name that nobody uses any more is no news."""

BEAT_SECONDS = 2.0
"""How often a node says that it is there."""

PROGRESS_SECONDS = 1.0
"""How far people have read a node stores together of all who read on within this time."""

PROGRESS_AT_ONCE = 100
"""Of so many at once: a turn of this node waits no longer than for these, some milliseconds."""

ADOPTED_AT_ONCE = 500
"""Sessions of a dead node that another one takes over in one turn: some milliseconds, in which nobody else has one."""

CODE_SECONDS = 24 * 3600.0
"""How long a resume code lives after the connection ended, by the time for which the server runs since then."""

HELD = 10_000
HELD_PER_HOST = 200
"""People whose line is down, in all and from one address (as many as may be connected from it), and as many again who
did not come back in time, or whose input ended: they cost no connection, so somebody could fill the memory, and the
names, with them.  Each takes 6 KiB (measured)."""

GUESSES = 5
"""Wrong resume codes on one connection before it is closed."""

GUESSES_PER_HOST = 60
GUESSES_PER_NETWORK = 240
"""Wrong resume codes of people from one address (of IPv6 a /64) and one network (of IPv6 a /48), at once, and then
in a minute; more wait for their turn.  Of 3.7 * 10^14 codes, where a thousand are somebody's, an address finds one in
11 000 years, and 10 000 guesses a second from ever new networks find one in a year and two months."""

WAIT_TOLD_SECONDS = 3.0
"""Whoever waits so long for what they asked is told."""

CODES_LOOKED_FOR = 20
"""Words of one line that may be somebody's resume code and are looked up, each as one guess: a line with more of them
is a table of something else, and would wait for minutes."""

LOOK_SECONDS = 1.0
"""How often the kernel is asked whether the other machine has acknowledged everything."""

LOOK_AT = 250
"""Connections that are looked at together: each takes 5 to 20 us, and lines would wait for all of 10 000.  In portions
of 100 each takes 1.4 times as long as in one (measured)."""

GREP_MOST = 50
"""Lines that a search shows, the last ones: more is answered by better words."""

# --- the database ------------------------------------------------------------------------------------------------

LOCK_AFTER_SECONDS = 0.002
LOCK_SECONDS = 0.0002
"""Where a thread of the store could not begin for so long, the reactor pauses for the second time, again and again:
without that a commit takes 0.5 s while one client sends a megabyte of newlines (measured), with it 0.02."""

LOCKED_SECONDS = 2.0
"""How long a write waits for another program that holds the database: people wait as long for their line."""

STATEMENT_SECONDS = 3.0
CONNECT_SECONDS = 2
"""How long a server of PostgreSQL may take to answer, or to let us in and say what it is: a commit takes some
milliseconds."""

OTHERS_SECONDS = 0.5
"""All servers of an address are asked at once; when one will do the others have so long to say that they are the later
primary: some times what an answer takes, little for whoever waits while one of them cannot be reached."""

LINK_IDLE_SECONDS, LINK_INTERVAL_SECONDS, LINK_PROBES = 5, 2, 3
LINK_LOST_SECONDS = LINK_IDLE_SECONDS + LINK_INTERVAL_SECONDS * LINK_PROBES
"""A silent connection to PostgreSQL is asked so often whether it is there, and given up by both ends after 11 s, also
where something was on its way: the kernel would go on for hours, or a quarter of one, while what the connection has
locked is nobody else's."""

STORE_AWAY_SECONDS = 5.0
"""After so long without the database what is said is refused at once: a switch to its standby takes less, and whoever
waits longer types the line again."""

ANEW_SECONDS = 60.0
"""A statement by which one that has not listened for long reads what is held: 100 000 people take some seconds."""

NOTIFIED_MOST = 7000
"""Bytes of a part of what other nodes are told: a notification of PostgreSQL has 8000."""

TURNS_READ = 200
"""Turns of other servers that are read at once by one that was not listening: some may bring 5000 lines."""

TURN_PARTS = 8
"""So many notifications bring a turn; a longer one is read from a table, which holds up whoever waits for it."""

RECONNECT_LEAST_SECONDS, RECONNECT_MOST_SECONDS = 0.1, 1.0
"""Between two tries to reach it."""

CHECKED_BYTES = 64 * 1024 * 1024
"""A database up to this size is checked page by page at start: 0.1 s measured, a second on a small machine."""

COUNTED = 10_000
"""Things people said, of one log, that a question looks at and counts: the newest ones, in a few milliseconds."""

LINE_ID_SECONDS = 24 * 3600.0
"""How long an id says that a line came before: a client that was away for a night still sends nothing twice."""

INDEX_ROWS = 2000
INDEX_IDLE_SECONDS = 1.0
INDEX_PAUSE_SECONDS = 0.05
"""The search index, and the lists beside it, take up so many lines at once: at the latest when that many are new, or
after a second without work; of more, after a pause.  A step takes 8 ms, and some 25 where parts of the index are made
one (measured); nobody's line is stored meanwhile."""

INDEX_NOTED = 64
"""Lines that wait in memory until it is looked at once what is in them, for the search index: so many that a line alone
does not pay for it, so few that long ones take no memory."""

INDEX_KNOWN = 10_000
"""Numbers of lines that are not in ASCII, of one log, before they are in the index; where it is so far behind, it
looks at all lines."""

FRESH_ROWS = 20_000
"""Lines of a log that are not in the index yet and that a search reads: the newest ones."""

SEARCH_SECONDS = 0.25
"""After so long a search answers with what it has found: others wait for theirs."""

LINE_IDS_LOOKED_AT = 10_000
"""Ids of lines that are looked through at once for those that are too old, in a few milliseconds: each minute so many,
and the next ones at once where any were."""

TRIM_ROWS = 1000
TRIM_LOGS = 100
TRIM_BYTES = 2 * 1024 * 1024
"""What retention takes away in one transaction: ten milliseconds, in which nobody's line is stored; the last one is for
what goes by its size, which can be much in few rows."""

COPY_PAGES = 256
COPY_PAUSE_SECONDS = 0.005
"""A copy takes a MiB and lets the disk serve others: 100 MB/s at most."""

COPIED_ROWS = 2000
"""Rows that are copied at once from one kind of database to another."""

BACKUPS = 7
"""Copies that are kept: a week to find out what is missing."""

UPKEEP_SECONDS = 60.0
"""How often what is too old is looked for."""

BACKUP_HOUR = 3
"""When the nightly copy is made, by the server's clock on the wall: nobody is about."""

JUMP_SECONDS = 24 * 3600.0
"""A date that moves by this much more or less than time did was set: nobody's talk is thrown away on its word."""

DOUBTED_ROWS = 100_000
"""How many entries with a wrong date may stand before one with a right one by which they are judged: a day of a busy
server, looked through in some 50 ms; where there are more they stay, and the log says so."""

KEEP_BARE_LEAST = 1000
"""From so many on a number alone is taken for lines to keep: nobody means days by it, as by 30."""

BACK_SECONDS = 60.0
"""A date that was set back by this much is believed: what is said from now on would else bear a wrong one for years.
Where several nodes go by the clock of their database, the operator is told of a step, or a difference, of as much."""

KEEP_MOST = 10**12
KEEP_DAYS_MOST = 36_500
"""What can be asked to be kept: more than a log's numbers, and a hundred years, are typing errors."""

KEEP_BYTES_LEAST = 100 * 10**6
KEEP_BYTES_MOST = 10**15
"""What the database may hold: in less, the ids of a busy day's lines and who may come back leave no room for talk."""

SPACE_SECONDS = 5.0
SPACE_LOW_SECONDS = 1.0
SPACE_BYTES = 1024 * 1024
"""How often the free space of the disk is looked at, by lines that are stored: after this time, where lines are refused
after less, so that they go on soon; and after so many bytes, of which a busy server writes twenty times as many in a
second."""

MIN_FREE = 10**9
MIN_FREE_PART = 50
"""What stays free of a disk where the operator says nothing: room for the log files and for other programs; and of a
small disk, which a gigabyte would be all of, this part."""

SPACE_WARNED = 2
"""The log warns where so many times the space that has to stay free is left."""

CHECKPOINT_BYTES = 4 * 1024 * 1024
JOURNAL_BYTES = 16 * 1024 * 1024
"""When the write-ahead file has so much it is written into the database (SQLite says 1 000 pages, and ours are small:
each that changes often would be written four times as often); and what stays of the file after a storm."""

JOURNAL_TOLD_BYTES = 64 * 1024 * 1024
"""A write-ahead file of this size is told in the log: only a program that reads the database for long makes it grow so,
by 7 KiB a line (measured), until the disk is full."""

TRIM_PAUSE_SECONDS = 0.05
"""Between two steps of retention: a million lines go in a minute, and people notice nothing."""

GREP_WORDS = 20
"""Parts of a search (words, letters of scripts without blanks, signs), as many as the index looks up: 200 words over
50 rooms would keep the thread that searches busy for seconds (measured: 2.2)."""

USERS_LISTED = 1000
"""Names that a program is given with a room; `here` says how many there are."""

HISTORY_BYTES = 256 * 1024
"""What one answer of history holds: 500 pastes would be 8 MiB for each connection that does not read them."""

# --- who comes and goes too often --------------------------------------------------------------------------------

ARRIVALS = 2
"""Connections from one address, as a multiple of those it may have at a time, that may come at once: a class of 40 may
be thrown out and come back ten times in a row."""

ARRIVALS_REFILL_SECONDS = 40.0
"""In this time an address may make as many new connections again as it may have at a time: 5 a second of 200, more than
a cron job on every machine of a class, and less than what would show in the processor."""

CHANGES_BY = 40
"""An address may change what others see as often as this many people, a class: it never meets that limit where nobody
meets their own, and whoever leaves and comes back for a new allowance does."""

RENAMES = 10
RENAME_SECONDS = 20.0
"""Nicknames one may take at once, and then one each so many seconds: everybody in the room reads each of them."""

TOPICS = 10
TOPIC_SECONDS = 20.0
"""The same for topics."""

MOVES = 2 * ROOMS_PER_PERSON
MOVE_SECONDS = 2.0
"""The same for joining and leaving rooms: a client that comes back joins all of its rooms, and may do that twice."""

NEW_ROOMS = ROOMS_PER_PERSON
NEW_ROOM_SECONDS = 60.0
"""Rooms that nobody was in before: each stays in the database for ever, in some 150 bytes."""

PACES = 20_000
"""People and addresses of which is remembered how fast they were: 5 MiB, in a flood from more addresses than that."""

# --- looking after the server ------------------------------------------------------------------------------------

NICKNAMES_KNOWN = 10
"""Earlier nicknames of somebody that are known while the server runs: whoever is a nuisance takes a new one, and then
another."""

FORMERLY_KNOWN = 10
"""Others that somebody was before they logged in, or came back as a guest, of which that is known while the server
runs: an operator is not told what is reported of them, and nobody waits for less by it where it is slow."""

SHUTDOWN_MOST = 7 * 86400
"""Seconds for which a stop can be set ahead: who plans for later announces that in words."""

SHUTDOWN_TOLD = (86400, 3600, 1800, 600, 300, 60, 30, 10)
SHUTDOWN_NOT_SOON = 0.75
"""The seconds before a stop at which everybody is told again, from the day before to the last line that can be typed;
but for one that comes before a quarter of the time since the last is over."""

LATENCY_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which turns are counted together: from what memory takes to what a disk does that is about to fail."""

METRICS_CLIENTS = 10
METRICS_SECONDS = 30.0
"""Connections to the metrics port at a time, and how long each may be silent: some monitors and a curl, on descriptors
that are people's."""

# --- the web ----------------------------------------------------------------------------------------------------

WEB_SECONDS = 10.0
WEB_LAST_SECONDS = 30.0
"""A browser has so long for a whole request, and may be silent so long between two; and so long to take the last
answer.  It opens a connection in no time; whoever sends a head letter by letter wants to hold it."""

WEB_GREET_SECONDS = 0.5
"""Where browsers may come, whoever is silent is greeted so late: on a busy machine there is more between
a browser's connection and its request than GREET_SECONDS."""

WEB_QUIET_SECONDS = 3.0
"""Who comes from the address of a browser that loads the page, and says nothing, is not greeted so long: browsers open
connections ahead, and what comes by one of them before they ask for something breaks the page.  Nor is one that may not
stay told so: a browser that was refused asks again by what it opened ahead."""

WEB_CLIENTS = 1000
WEB_PER_HOST = 400
"""Connections of browsers that load the page, which nobody talks on, in all and from one address: a browser opens up to
six, and a class of 60 behind one address opens the page at once.  Over TLS as many handshakes again, by ARRIVALS and
ARRIVALS_REFILL_SECONDS, are not counted as arrivals: each takes 0.5 ms."""

WEB_ADDRESS = 400
"""Characters of an address that is drawn as a QR code: of longer ones the squares are too small for a telephone."""

ADDRESS = 300
ADDRESSES = 8
"""Characters of an address by which people come to a node, and how many it may have: each page and program is told
all of all nodes, and a name of DNS has 253."""

ADDRESSES_TOLD_SECONDS = 24 * 3600.0
ADDRESSES_SECONDS = 30 * 24 * 3600.0
"""A node tells its addresses each day, and what was not told for so long is its no more: a page that was loaded there
may stay open for weeks, and a name that is given up becomes somebody else's later than that."""

HEALTH_SECONDS = 1.0
"""In which the store has to answer whoever asks whether the server works."""

WEB_BODY = 8 * 1024
"""Bytes of what is sent along with a request, which only a webhook does: the longest text, escaped."""

MESSAGE = 64 * 1024
"""Bytes of a message of a WebSocket, whole or in parts: four times the longest line, which then still gets its answer;
of a longer one the connection ends."""

PRICE_FRAME = 8.0
"""To take apart one frame of a WebSocket, whatever is in it (measured: 4 to 8; READ bytes of pings take 5 ms)."""

PRICE_TRANSCRIPT_BYTE = 0.1
PRICE_PICTURE = 2_000.0
"""To make a transcript, beside PRICE_QUERY, and a QR code (measured: 4.5 ms for 44 KB, 1.9 ms)."""

WEB_PING_SECONDS = 25.0
"""A page that is silent so long is pinged: proxies end an idle connection after 50 s (HAProxy) or 60 (nginx), one of
them (lighttpd) also where the server alone talks.  It is looked at every 15 s, so a ping goes every 30."""

IN_USE_SECONDS = 40.0
"""A page sends something every 20 s: who was heard so lately is there, and no other takes its place."""

# --- measures ----------------------------------------------------------------------------------------------------

MUTE_SECONDS = 3600
BAN_SECONDS = 86400
"""For how long somebody is muted or banned where nobody says for how long: a lesson, and a day to think it over."""

MEASURE_MOST = 3650 * 86400
"""The longest time that a measure can be for: longer is for ever."""

SLOW_MOST = 6 * 3600
"""The longest time between two lines of somebody in a slow room: beyond that nobody waits, and /mute all says so."""

PEOPLE_MOST = 100_000
"""The most people whom the limit of a room lets in: beyond that it keeps nobody out."""

NICKNAMES_BANNED = 100
"""Nicknames that nobody has, and that are banned from one room."""

ADDRESS_BAN_SECONDS = 86400
"""For how long a ban closes an address, too: by tomorrow somebody else may have it."""

AT_DOOR = 5
DOOR_SECONDS = 600.0
"""Who of one address waits at the door of one locked room at once, and how long each does: whoever may let them in sees
a list that can be read, and nobody waits for somebody who does not look."""

CLASS_PACE_SECONDS = 3
"""How long each waits between two lines in #lobby while class mode is on: forty who answer at once can be read."""

NEWCOMER_SECONDS = 600
NEWCOMER_PACE_SECONDS = 3
LINK_SECONDS = 60
"""For how long a guest is new to a server that guards itself from them, how long they wait between two lines then, and
for how long they say no link: who comes to fill rooms does not wait, and who comes to talk hardly notices."""

PINS, PIN_DIGITS = 100, 6
"""PINs of a class, and their digits: read from a sheet, typed by children.  A guess has to be right for its nickname,
or for nobody's yet, and an address may guess once a second (see GUESSES_PER_HOST): of thirty that nobody has used it
finds one in nine hours."""

PASSES = 500
"""People who may come into a locked room because they were let in, or asked in: their ids are kept in memory."""

# --- the process -------------------------------------------------------------------------------------------------

HEARTBEAT_SECONDS = 0.1
"""How often the watchdog looks, and asks the reactor whether it runs where it does not wait."""

WATCH_SECONDS = 1.0
"""The watchdog goes on looking for so long where it was woken so soon after it went to rest: to wake it costs more than
a look."""

EXACT_SECONDS = 0.001
"""A shorter wait is not made longer by what epoll does, which knows whole milliseconds only."""

SLEEP_SECONDS = 600.0
"""How late comes what is done each minute (upkeep, a look at the certificate) where nothing at all happens."""

REACTOR_STALL_SECONDS = 0.2
"""A reactor that does nothing else for this long is told in the log: by then people feel it."""

STALL_FRAMES = 12
"""Functions that such a line names, the innermost ones: it is to be read, and one line."""

PAUSE_SECONDS = 5.0
"""The process did not run for this long: no time-out counts that time.  Busy, it takes a small part of it between two
looks at the clock, and idle, half of it where anybody could time out."""

REFUSED = 32
"""Connections that may not stay and wait to be told so, and to be closed: a third of RESERVED_FILES."""

FEW_CLIENTS = 900
"""The start says how many may come where the system allows fewer: the usual limit, 1024 open files, is no surprise."""

OPEN_FILES = 4096
"""The limit of open files that the start recommends."""

LOG_ENTRY = 8 * 1024
"""Characters of one entry in the operator's log: a traceback of 60 frames; of more, the middle is left out."""

LOG_SAME = 20
LOG_SECONDS = 10.0
"""So many entries of one kind in this time; how many more there were is told with the next."""

LOG_KINDS = 1000
"""Kinds of entries that are counted: more than the program and Twisted have."""

LOG_BYTES = 10 * 1024 * 1024
LOG_FILES = 10
"""When a log file is put aside, and how many of those are kept: a disk is not filled by a log."""

PROXY_HEADER = 4096
"""The longest header of the PROXY protocol: 232 bytes of addresses, and what a proxy may say of TLS and of itself."""

PROXY_SECONDS = 5.0
"""Time for that header: a proxy sends it at once."""

# --- TLS, and clients that speak another protocol ----------------------------------------------------------------

HANDSHAKE_SECONDS = 10.0
"""Time for a handshake: three round trips by satellite take two, and whoever waits in silence is a person with nc."""

GREET_SECONDS = 0.2
"""So long the greeting waits for a first line: a web browser, ssh and TLS send theirs at once, in one round trip, and
would take a greeting for a broken answer of their own protocol.  Nobody notices it; programs that speak first do not
wait."""

SSH_LOGIN_SECONDS = 20.0
"""Time to log in by ssh, and for each exchange of keys: a few round trips, and a passphrase that is typed."""

SSH_SESSIONS = 4
"""Sessions of one connection by ssh: a chat needs one, and a script that posts meanwhile another."""

SSH_KEYS = 20
"""Keys that are shown by one connection, as far as they are refused: an agent holds a few."""

SSH_EXCHANGES = 60
"""Exchanges of keys a minute, and at once, of one connection: each takes 2 ms.  OpenSSH asks for one each gigabyte, and
each 64 kB where it is told so: 60 of those are more talk than anybody reads."""

SSH_WINDOW = 16 * 1024
"""Bytes of a session that may come while its lines wait: four of the longest."""

SSH_PACKET = 32 * 1024
SSH_PACKET_MOST = 64 * 1024
"""Bytes of what is sent at once, and of a packet that comes: all must read one of 35 000 (RFC 4253, 6.1)."""

SSH_PACKET_LEAST = 256
"""Bytes that a packet must be allowed to hold: each is sealed by itself, and of one byte a help would be thousands."""

SSH_ANSWERS = 256
"""Packets that wait until keys are exchanged: a few answers; nothing that is said is sent meanwhile."""

SSH_WORDS = 400
"""Bytes of a reason that OpenSSH shows."""

SSH_EDITORS = 100
"""Sessions whose line is edited here, each with a third of a megabyte; whoever is beyond that gets the plain wire,
without a terminal."""

SSH_GATHER_SECONDS = 0.08
"""What comes is gathered so long before it is drawn: nobody notices it, and twelve pictures a second are enough."""

SSH_GATHERED = 16 * 1024
"""Bytes that are gathered at most."""

SSH_KEYS_AT_ONCE = 64
"""Bytes of keys that are handled at once: a key takes 0.1 ms."""

SSH_PASTE = 64 * 1024
"""Bytes of a paste whose end is waited for."""

SSH_SEQUENCE, SSH_SEQUENCES = 16, 10_000
"""Digits of a key's sequence, of which no key has so many; and beginnings of such that are remembered."""

SSH_COLUMNS, SSH_ROWS = 500, 200
"""Of a terminal that is drawn on: wider and higher is no screen."""

SSH_HISTORY, SSH_HISTORY_TEXT = 200, 32 * 1024
"""Lines of one session that can be fetched back, and characters of them in all."""

CERTIFICATE_DAYS = 3650
"""A certificate that was trusted on first use must last: its end would look like an attack."""

CERTIFICATE_WARNING_DAYS = 14
"""Certbot renews a month before the end: half of it later something is wrong."""

CERTIFICATE_LOOK_SECONDS = 60.0
"""How often it is looked for a new certificate."""

# --- accounts ------------------------------------------------------------------------------------------------------

PASSWORD_LEAST = 8
PASSWORD_MOST = 512
PASSWORD_DIFFERENT = 4
"""Characters of a password that is chosen, bytes of any, and how many characters of it differ: shorter ones are guessed
by whoever has the database, and a long text would be hashed for as long as it is."""

HASH_ROUNDS, HASH_KIB = 2, 19 * 1024
"""What argon2id costs: the OWASP's proposal, 30 ms here and 19 MiB while it lasts."""

HASH_THREADS = 2
HASHES_WAITING = 200
"""Passwords that are hashed at once, and that wait for it: a class of forty who log in together waits for a second."""

LOGIN_TRIES = 4
LOGIN_TRIES_OF_STRANGERS = 30
LOGIN_PAUSE_MOST = 60.0
"""Wrong passwords of one account from one address, and from all from which nobody ever logged in, after which the next
try waits: a second, then twice as long each time, up to a minute.  So one address tries 1 440 passwords a day.  Those
who wait there share the pause: forty owners behind one router do not wait for each try of who guesses among them."""

LOGINS_REMEMBERED = 10_000
"""Accounts and addresses of which that is remembered."""

ACCOUNTS = 10_000
"""Accounts: each is kept in memory (2 KiB), for its nickname is its own while it is away."""

WRITTEN = 64
"""People and sessions of which the writer knows what it wrote last: 1.5 KiB each, for those who talk, not for all who
are here."""

ROLES = 50
"""Roles of one account, most of them rooms of its own: each is kept in memory, also while nobody is there."""

PRIVATE_ROOMS = 20_000
"""Rooms that are private, or were: of each that is kept in memory (some 300 bytes), also while nobody is there."""

ADMISSIONS = 200
"""Private rooms to which one person belongs; of more, the oldest invitation that they did not follow is forgotten."""

INVITES, INVITE_SECONDS = 20, 30.0
"""Invitations to rooms that somebody makes at once, and how long each counts: each is a line in somebody's own log."""

WORD_LEAST = 4
"""Characters of a room's word: an address may guess once a second, which takes shorter ones in a day."""

TOKENS = 10
TOKEN_ROOMS = 10
"""Tokens of one account, and rooms that one may name: a program of its own for each; all of them are kept in memory."""

KEYS = 10
"""Keys of ssh of one account: one for each machine that somebody has; all of them are kept in memory."""

INVITATIONS = 1_000
INVITATIONS_AT_ONCE = 50
INVITATION_SECONDS = 7 * 86400.0
"""Invitations that nobody has used, how many are made at once (for a class), and how long each is good: it lies in
mailboxes, and one of a thousand is guessed at in 11 000 years (see GUESSES_PER_HOST)."""

ACCOUNTS_PER_HOST, ACCOUNT_SECONDS = 40, 3600
"""Accounts that one address may make at once, and the seconds until it may make one more: a class does, no flood."""
