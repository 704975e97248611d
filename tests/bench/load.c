/* The load generator: one thread and one epoll loop play N people at a chat server, fast enough that the server
 * is what gets measured, and check everything that every one of them hears.
 *
 *     load WIRES PORT BACKLOG
 *
 * WIRES are separated by commas, and people take them in turn: `plain`, `json`, `web` (JSON in a WebSocket), `irc`, or
 * `irc:server-time:batch` with these capabilities.
 *
 * Compiled with -DTLS all of them speak TLS.
 *
 * It obeys one command a line on standard input and answers each with one JSON object a line:
 *
 *     connect COUNT JOIN   that many more people, named p00000, p00001, ...; IRC: enter #lobby when JOIN is 1
 *     say FIRST COUNT TEXT these people send TEXT; answered once the server has handled it for all of them
 *     room FIRST COUNT R   bookkeeping only: they speak in, and are counted in, room #bench-R (0: #lobby)
 *     mover FIRST COUNT    they are heard no more, but leave and join their room when a run asks for it
 *     deaf FIRST COUNT     they stop reading, for good
 *     run SENDERS WINDOW RATE COUNT SECONDS LIMIT SIZE PRIVATE MOVES
 *         The first SENDERS people talk, in lines of SIZE bytes. RATE > 0: an open loop of so many lines a second,
 *         PRIVATE and MOVES percent of them private messages and comings and goings. RATE 0: each sender keeps WINDOW
 *         lines in flight (0: as many as the socket takes). A line is in flight until its last recipient has it.
 *         Ends after COUNT lines or SECONDS (0: not by that), once all is delivered; or LIMIT seconds after it began,
 *         or 5 s after the last sign of life: what is missing then is lost.
 *
 * Every line ends in `~` and eight letters, its number. Exact for each recipient: who may hear it, how often, and that the
 * lines of one author in one room come in order (one comparison: the number of a line within its author's lines must be
 * the last one heard plus one). The order among authors is compared by a hash over all numbers heard, between people of
 * one room who do not talk themselves. Private messages are checked for addressee and count, not for order.
 * Of what is lost so much is `skipped` as those who were too far behind were told: a store in memory keeps 10 000 lines.
 * Latency runs from when a line was written (open loop: from when it was due) until its last recipient read it. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/ssl.h>
#endif

enum { PEOPLE = 20000, ROOMS = 4096, EVENTS = 1024, READ = 1 << 18, LONGEST = 1 << 15, QUEUE = 1 << 16 };
enum { ENTERING = 1024 };                 /* so many at once may be on their way in */
enum { COMMAND = PEOPLE, TIMER };        /* the two descriptors in the epoll set that are nobody's */
static const uint64_t SECOND = 1000000000, SILENCE = 5;
static const char SYNC[] = "bench-sync";

enum state { NOBODY, CONNECTING, UPGRADING, GREETED, ENTERED };
struct person {
    int fd, room, in_flight;
    enum state state;
    bool mover, deaf, waiting, accepted, blocked, dirty;
    void *tls;
    uint32_t said;          /* lines in the room in this run */
    uint64_t order;         /* hash of the numbers heard in this run */
    char *part, *out;       /* a line of which the end has not come; what the kernel has not taken */
    size_t part_length, out_length, out_size;
};
struct message {
    uint64_t at;            /* when written; once delivered, how long that took */
    uint32_t sequence;      /* among its author's lines in the room, from 1 */
    int author, to, remaining;
};
struct gap { int who, author; uint32_t sequence; };  /* skipped, and not heard since */

static struct person people[PEOPLE];
static struct message *messages;
static uint32_t message_count, message_size, run_first, *heard_last;
static int person_count, senders, members[ROOMS], dirty[PEOPLE], dirty_count;
static int accepting, entering, entered, waiting;
static struct gap gaps[4096];
static int gap_count;
static uint64_t delivered, misordered, duplicate, stray, skipped, errors, dropped, now, alive_at, outstanding, unwritten;
static char first_error[160];
static int poller, timer, port, backlog;  /* so many connections may wait to be accepted */
static bool join_lobby, command_ready;
static struct wire { bool irc, json, web; const char *capabilities; } wires[16];
static int wire_count;

static void die(const char *what) { perror(what); exit(1); }

static void tick(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void watch(int operation, int fd, uint32_t events, uint32_t who)
{
    struct epoll_event event = {.events = events, .data.u32 = who};
    if (epoll_ctl(poller, operation, fd, &event) < 0) die("epoll_ctl");
}

/* ---- the network: as it is, or with TLS; all three answer as connect(), send() and recv() do ---- */

#ifdef TLS
static SSL_CTX *tls;

static ssize_t outcome(const struct person *p, int count)
{
    if (count > 0) return count;
    int error = SSL_get_error(p->tls, count);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static void begin_tls(struct person *p)
{
    if (!(p->tls = SSL_new(tls)) || !SSL_set_fd(p->tls, p->fd)) die("SSL_new");
    SSL_set_connect_state(p->tls);
}

static ssize_t give(const struct person *p, const char *data, size_t length)
{
    if (length) return outcome(p, SSL_write(p->tls, data, (int)length));
    return outcome(p, SSL_do_handshake(p->tls)) < 0 ? -1 : 0;
}

static bool must_hear_first(const struct person *p) { return SSL_want_read((SSL *)p->tls); }

static ssize_t take(const struct person *p, char *buffer, size_t size)  /* all there is: what it has read epoll forgets */
{
    size_t length = 0;
    ssize_t got = 0;
    while (length < size && (got = outcome(p, SSL_read(p->tls, buffer + length, (int)(size - length)))) > 0)
        length += (size_t)got;
    return length ? (ssize_t)length : got;
}

static void end_tls(struct person *p) { SSL_free(p->tls); }
#else
static void begin_tls(struct person *p) { p->tls = NULL; }
static void end_tls(struct person *p) { p->tls = NULL; }
static bool must_hear_first(const struct person *p) { return p->tls; }

static ssize_t give(const struct person *p, const char *data, size_t length)
{
    return send(p->fd, data, length, MSG_NOSIGNAL);
}

static ssize_t take(const struct person *p, char *buffer, size_t size) { return recv(p->fd, buffer, size, 0); }
#endif

static const struct wire *wire_of(int who) { return &wires[who % wire_count]; }

static bool counted(const struct person *p) { return p->state == ENTERED && !p->mover && !p->deaf; }

static void gone(int who)
{
    struct person *p = &people[who];
    if (counted(p)) members[p->room]--;
    accepting -= !p->accepted;
    entering -= p->state != ENTERED;
    waiting -= p->waiting;
    unwritten -= p->out_length;
    p->accepted = true, p->waiting = false, p->out_length = 0, p->state = NOBODY;
    end_tls(p);
    close(p->fd);
    dropped++;
}

/* ---- writing: gathered in `out`, one send a turn and person ---- */

static void flush(int who)
{
    struct person *p = &people[who];
    ssize_t taken = give(p, p->out, p->out_length);
    if (taken < 0 && errno != EAGAIN) { gone(who); return; }
    if (taken > 0) {
        p->out_length -= (size_t)taken;
        unwritten -= (size_t)taken;
        memmove(p->out, p->out + taken, p->out_length);
        tick();
        alive_at = now;
    }
    bool blocked = p->out_length > 0 && !must_hear_first(p);
    if (blocked != p->blocked && !p->deaf)
        watch(EPOLL_CTL_MOD, p->fd, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, (uint32_t)who);
    p->blocked = blocked;
}

static void put(int who, const char *text, size_t length)
{
    struct person *p = &people[who];
    if (p->state == NOBODY) return;
    if (p->out_length + length > p->out_size) {
        p->out_size = 2 * (p->out_length + length);
        if (!(p->out = realloc(p->out, p->out_size))) die("realloc");
    }
    memcpy(p->out + p->out_length, text, length);
    p->out_length += length;
    unwritten += length;
    if (!p->dirty) p->dirty = true, dirty[dirty_count++] = who;
}

static void flush_all(void)
{
    for (int i = 0; i < dirty_count; i++) {
        struct person *p = &people[dirty[i]];
        p->dirty = false;
        if (p->out_length && !p->blocked) flush(dirty[i]);
    }
    dirty_count = 0;
}

/* Each line as a message of its own (RFC 6455), under a mask of zeros, which changes nothing. */
static void say_framed(int who, const char *lines)
{
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        size_t length = (size_t)(end - lines);
        char header[] = {(char)0x81, (char)(0x80 | (length < 126 ? length : 126)), (char)(length >> 8), (char)length};
        put(who, header, length < 126 ? 2 : 4);
        put(who, "\0\0\0", 4);
        put(who, lines, length);
    }
}

static void upgrade(int who)
{
    char request[256];
    int length = snprintf(request, sizeof request,
                          "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", port);
    people[who].state = UPGRADING;
    put(who, request, (size_t)length);
}

__attribute__((format(printf, 2, 3))) static void tell(int who, const char *format, ...)
{
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (wire_of(who)->web) say_framed(who, line);
    else put(who, line, (size_t)length);
}

static const char *room_name(int room)
{
    static char name[16];
    if (!room) return "#lobby";
    snprintf(name, sizeof name, "#bench-%d", room);
    return name;
}

static void talk(int author, int to, int size, uint64_t at)
{
    struct person *p = &people[author];
    if (message_count == message_size) {
        message_size = message_size ? 2 * message_size : 1 << 16;
        if (!(messages = realloc(messages, message_size * sizeof *messages))) die("realloc");
    }
    uint32_t id = message_count++;
    int recipients = to < 0 ? members[p->room] - 1 : 1;
    messages[id] = (struct message){at, to < 0 ? ++p->said : 0, author, to, recipients};
    if (recipients) outstanding++, p->in_flight++;
    else messages[id].at = 0;

    char text[2048];
    memset(text, 'x', sizeof text);
    memcpy(text, "what people say to each other ", 30);
    for (int i = 0; i < 8; i++) text[size - 1 - i] = (char)('a' + (id >> (4 * i) & 15));
    text[size - 9] = '~';
    text[size] = 0;
    bool irc = wire_of(author)->irc;
    if (irc && to >= 0) tell(author, "PRIVMSG p%05d :%s\r\n", to, text);
    else if (irc) tell(author, "PRIVMSG %s :%s\r\n", room_name(p->room), text);
    else if (to >= 0) tell(author, "/msg p%05d %s\n", to, text);
    else tell(author, "%s\n", text);
}

/* ---- hearing, and checking what was heard ---- */

/* A line that is not the next one of its author: true if it counts as delivered all the same. */
static bool irregular(int who, const struct message *m, uint32_t *last)
{
    if (m->sequence > *last) {
        for (uint32_t s = *last + 1; s < m->sequence && gap_count < (int)(sizeof gaps / sizeof *gaps); s++)
            gaps[gap_count++] = (struct gap){who, m->author, s};
        *last = m->sequence;
        return true;
    }
    for (int i = 0; i < gap_count; i++)
        if (gaps[i].who == who && gaps[i].author == m->author && gaps[i].sequence == m->sequence) {
            gaps[i] = gaps[--gap_count];
            misordered++;
            return true;
        }
    duplicate++;
    return false;
}

static void heard(int who, uint32_t id)
{
    struct person *p = &people[who];
    if (id < run_first || id >= message_count) { stray++; return; }
    struct message *m = &messages[id];
    if (m->to >= 0) {
        if (m->author == who) return;  /* our plain wire tells the author what was sent to whom */
        if (m->to != who) { stray++; return; }
        if (!m->remaining) { duplicate++; return; }
    } else {
        if (m->author == who && wire_of(who)->web) return;  /* a page is told what was said on it, and where it stands */
        if (m->author == who || people[m->author].room != p->room) { stray++; return; }
        uint32_t *last = &heard_last[(size_t)who * (size_t)senders + (size_t)m->author];
        if (m->sequence == *last + 1) *last = m->sequence;
        else if (!irregular(who, m, last)) return;
        p->order = (p->order ^ (id + 1)) * 0x9E3779B97F4A7C15u;
    }
    delivered++;
    if (--m->remaining == 0) {
        m->at = now - m->at;
        people[m->author].in_flight--;
        outstanding--;
    }
}

/* The number at the end of a talk line. All eight letters are turned into nibbles and packed at once. */
static bool number_in(const char *s, size_t length, uint32_t *id)
{
    const char *mark = s[0] == '{' ? memchr(s, '~', length) : length > 9 && s[length - 9] == '~' ? s + length - 9 : NULL;
    if (!mark || s + length < mark + 9) return false;
    uint64_t v;
    memcpy(&v, mark + 1, 8);
    v = __builtin_bswap64(v) - 0x6161616161616161u;
    if (v & 0xF0F0F0F0F0F0F0F0u) return false;
    v = (v | v >> 4) & 0x00FF00FF00FF00FFu;
    v = (v | v >> 8) & 0x0000FFFF0000FFFFu;
    *id = (uint32_t)(v | v >> 16);
    return true;
}

static void complaint(const char *s, size_t length)
{
    if (!errors++)
        for (size_t i = 0; i < length && i < sizeof first_error - 1; i++)
            first_error[i] = s[i] < ' ' || s[i] == '"' || s[i] == '\\' ? '?' : s[i];
}

static bool contains(const char *s, size_t length, const char *word)
{
    return memmem(s, length, word, strlen(word)) != NULL;
}

static void greeted(int who)
{
    struct person *p = &people[who];
    const struct wire *wire = wire_of(who);
    p->state = GREETED;
    if (*wire->capabilities) tell(who, "CAP REQ :%s\r\n", wire->capabilities);
    if (wire->irc) tell(who, "NICK p%05d\r\nUSER p 0 * :p\r\n", who);
    else if (wire->json) tell(who, "%s/nick p%05d\n", wire->web ? "" : "/json\n", who);
    else tell(who, "p%05d\n", who);
    if (*wire->capabilities) tell(who, "CAP END\r\n");
}

static void enters(int who)
{
    people[who].state = ENTERED;
    members[people[who].room]++;
    entering--, entered++;
}

static void line(int who, const char *s, size_t length)
{
    struct person *p = &people[who];
    uint32_t id;
    bool irc = wire_of(who)->irc;
    if (!length) return;
    if (p->waiting && contains(s, length, SYNC)) p->waiting = false, waiting--;
    else if (irc && !memcmp(s, "PING", 4)) tell(who, "PONG%.*s\r\n", (int)length - 4, s + 4);
    else if (irc && !memcmp(s, "ERROR", 5)) complaint(s, length);
    else if (!irc && s[0] == '!') complaint(s, length);
    else if (p->state == ENTERED) {
        if (p->mover) return;
        if (!irc && !memcmp(s, "-- ", 3) && contains(s, length, " gone --")) skipped += strtoul(s + 3, NULL, 10);
        if (!irc && !strchr("<#[{", s[0])) return;
        if (number_in(s, length, &id)) heard(who, id);
        else if (s[0] == '{' && contains(s, length, "\"error\"")) complaint(s, length);
    } else if (irc) {
        if (contains(s, length, " 001 ")) {
            if (join_lobby) tell(who, "JOIN #lobby\r\n");
            else enters(who);
        } else if (contains(s, length, " 366 ")) enters(who);
    } else if (wire_of(who)->json && p->state == GREETED) {
        if (contains(s, length, "\"welcome\"")) enters(who);
        else if (contains(s, length, "\"error\"")) complaint(s, length);
    } else if (p->state == CONNECTING && !strncmp(s, "-> ", 3)) greeted(who);
    else if (!strncmp(s, "-> Hello", 8)) enters(who);
}

static char *lines(int who, char *start, char *end)  /* where the one begins of which the end has not come */
{
    for (char *stop; (stop = memchr(start, '\n', (size_t)(end - start))); start = stop + 1)
        line(who, start, (size_t)(stop - start) - (stop > start && stop[-1] == '\r'));
    return start;
}

static char *frames(int who, char *start, char *end)  /* the same of a WebSocket, behind the answer that begins it */
{
    if (people[who].state == UPGRADING) {
        char *over = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
        if (!over) return start;
        if (strncmp(start, "HTTP/1.1 101", 12)) { complaint(start, (size_t)(over - start)); return end; }
        greeted(who);
        start = over + 4;
    }
    while (end - start >= 2) {
        const unsigned char *head = (const unsigned char *)start;
        size_t length = head[1] & 127, more = length < 126 ? 0 : length == 126 ? 2 : 8;
        if ((size_t)(end - start) < 2 + more) break;
        if (more) length = 0;
        for (size_t i = 0; i < more; i++) length = length << 8 | head[2 + i];
        char *payload = start + 2 + more;
        if ((size_t)(end - payload) < length) break;
        if (!(head[0] & 8)) line(who, payload, length);
        start = payload + length;
    }
    return start;
}

static bool readable(int who)  /* whether there may be more */
{
    static char buffer[LONGEST + READ];
    struct person *p = &people[who];
    if (p->part_length) memcpy(buffer, p->part, p->part_length);
    ssize_t got = take(p, buffer + p->part_length, READ);
    tick();
    if (p->out_length && !p->blocked && !p->dirty) p->dirty = true, dirty[dirty_count++] = who;
    if (got < 0 && errno != EAGAIN) got = 0;
    if (!got) { gone(who); return false; }
    if (!p->accepted) p->accepted = true, accepting--;
    alive_at = now;
    if (got < 0) return false;
    char *end = buffer + p->part_length + got, *start = (wire_of(who)->web ? frames : lines)(who, buffer, end);
    p->part_length = (size_t)(end - start);
    if (p->part_length > LONGEST) { fprintf(stderr, "an endless line from the server\n"); exit(1); }
    if (p->part_length) {
        if (!(p->part = realloc(p->part, p->part_length))) die("realloc");
        memcpy(p->part, start, p->part_length);
    }
    return got == READ;
}

static void pump(int milliseconds)
{
    struct epoll_event events[EVENTS];
    flush_all();
    int count = epoll_wait(poller, events, EVENTS, milliseconds);
    tick();
    for (int i = 0; i < count; i++) {
        uint32_t who = events[i].data.u32;
        if (who == COMMAND) command_ready = true;
        else if (who == TIMER) {
            uint64_t expirations;
            if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("read");
        } else if (people[who].state != NOBODY) {
            if (events[i].events & EPOLLOUT) {
                if (people[who].state == CONNECTING && wire_of((int)who)->irc) greeted((int)who);
                if (people[who].state == CONNECTING && wire_of((int)who)->web) upgrade((int)who);
                flush((int)who);
            }
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                while (people[who].state != NOBODY && readable((int)who)) {}
        }
    }
}

/* ---- the commands ---- */

static void connect_one(void)
{
    int who = person_count++, one = 1;
    struct person *p = &people[who];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (p->fd < 0) die("socket");
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(p->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) die("connect");
    p->state = CONNECTING, p->blocked = true;
    begin_tls(p);
    watch(EPOLL_CTL_ADD, p->fd, EPOLLIN | EPOLLOUT, (uint32_t)who);
    accepting++, entering++;
}

static void command_connect(int count)
{
    int goal = person_count + count;
    if (goal > PEOPLE) { fprintf(stderr, "at most %d people\n", PEOPLE); exit(1); }
    uint64_t began, gone_before = dropped;
    tick();
    began = alive_at = now;
    entered = 0;
    while ((person_count < goal || entering) && now - alive_at < 20 * SECOND) {
        while (person_count < goal && accepting < backlog && entering < ENTERING) connect_one();
        pump(1000);
    }
    printf("{\"entered\": %d, \"dropped\": %lu, \"errors\": %lu, \"error\": \"%s\", \"seconds\": %.6f}\n", entered,
           dropped - gone_before, errors, first_error, (double)(now - began) / 1e9);
}

static void command_say(int first, int count, const char *text)
{
    uint64_t began;
    tick();
    began = alive_at = now;
    for (int i = first; i < first + count; i++) {
        people[i].waiting = true, waiting++;
        if (wire_of(i)->irc) tell(i, "%s\r\nPING %s\r\n", text, SYNC);
        else tell(i, "%s\n/ping %s\n", text, SYNC);
    }
    while (waiting && now - alive_at < 20 * SECOND) pump(1000);
    printf("{\"unanswered\": %d, \"errors\": %lu, \"error\": \"%s\", \"seconds\": %.6f}\n", waiting, errors, first_error,
           (double)(now - began) / 1e9);
}

static int steady(int from)
{
    for (int i = 0; i < person_count; i++)
        if (counted(&people[(from + i) % person_count])) return (from + i) % person_count;
    return 0;
}

static void move(int from)
{
    for (int i = 0; i < person_count; i++) {
        int who = (from + i) % person_count;
        if (people[who].mover) {
            const char *name = room_name(people[who].room);
            if (wire_of(who)->irc) tell(who, "PART %s\r\nJOIN %s\r\n", name, name);
            else tell(who, "/leave %s\n/join %s\n", name, name);
            return;
        }
    }
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report_run(uint64_t began, double cpu)
{
    uint32_t total = message_count - run_first, complete = 0;
    uint64_t *latency = malloc((total + 1) * sizeof *latency), lost = 0, *reference = calloc(ROOMS, sizeof *reference);
    int divergent = 0;
    for (uint32_t id = run_first; id < message_count; id++)
        if (messages[id].remaining) lost += (uint64_t)messages[id].remaining;
        else latency[complete++] = messages[id].at;
    latency[complete] = 0;
    qsort(latency, complete, sizeof *latency, ascending);
    for (int i = senders; i < person_count; i++)
        if (counted(&people[i])) {
            uint64_t *expected = &reference[people[i].room];
            if (!*expected) *expected = people[i].order;
            divergent += *expected != people[i].order;
        }
    double seconds = (double)(alive_at - began + 1) / 1e9;  /* until the last line was read or taken */
    printf("{\"messages\": %u, \"delivered\": %lu, \"seconds\": %.6f, \"p50\": %.6f, \"p99\": %.6f, \"lost\": %lu, "
           "\"misordered\": %lu, \"duplicate\": %lu, \"stray\": %lu, \"divergent\": %d, \"skipped\": %lu, \"errors\": %lu, "
           "\"dropped\": %lu, \"busy\": %.3f, \"error\": \"%s\"}\n",
           total, delivered, seconds, (double)latency[complete / 2] / 1e6,
           (double)latency[(uint64_t)complete * 99 / 100] / 1e6, lost, misordered, duplicate, stray, divergent, skipped,
           errors, dropped, (cpu_seconds() - cpu) / seconds, first_error);
    free(latency);
    free(reference);
}

static void command_run(int window, double rate, unsigned count, double seconds, double limit, int size, int private,
                        int moves)
{
    heard_last = calloc((size_t)person_count * (size_t)senders, sizeof *heard_last);
    if (!heard_last) die("calloc");
    run_first = message_count, gap_count = 0;
    delivered = misordered = duplicate = stray = skipped = outstanding = 0;
    for (int i = 0; i < person_count; i++) people[i].said = 0, people[i].order = 0, people[i].in_flight = 0;
    double cpu = cpu_seconds();
    tick();
    uint64_t began = now, due = now, last = now + (uint64_t)(limit * 1e9);
    uint64_t until = seconds > 0 ? now + (uint64_t)(seconds * 1e9) : last;
    alive_at = now;
    for (unsigned actions = 0, sending = 1; sending || outstanding || unwritten;) {
        sending = now < until && (!count || actions < count);
        if (rate > 0) {
            for (; sending && due <= now; due += (uint64_t)(1e9 / rate), actions++) {
                int author = (int)(actions % (unsigned)senders);
                int kind = (int)(actions * 37 % 100);
                if (people[author].mover) author = steady(author);
                if (kind < moves) move((int)(actions * 7919u % (unsigned)person_count));
                else if (kind < moves + private) {
                    int to = steady((int)(actions * 7919u % (unsigned)person_count));
                    talk(author, to != author ? to : steady(to + 1), size, due);
                } else talk(author, -1, size, due);
            }
            struct itimerspec alarm = {.it_value = {(time_t)(due / SECOND), (long)(due % SECOND)}};
            if (sending && timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL) < 0) die("timerfd_settime");
        } else
            for (int s = 0, idle = 0; sending && idle < senders && (!count || actions < count); s = (s + 1) % senders) {
                struct person *p = &people[s];
                if (window ? p->in_flight == window : p->out_length >= QUEUE) { idle++; continue; }
                idle = 0, actions++;
                talk(s, -1, size, now);
                if (window) flush_all();  /* a write for each line: people do not wait for one another */
            }
        pump(100);
        if (now > last || now - alive_at > SILENCE * SECOND) break;
    }
    report_run(began, cpu);
    free(heard_last);
}

static void treat(int first, int count, int room, bool mover, bool deaf)
{
    for (int i = first; i < first + count; i++) {
        struct person *p = &people[i];
        if (counted(p)) members[p->room]--;
        if (room >= 0) p->room = room;
        p->mover |= mover, p->deaf |= deaf;
        if (counted(p)) members[p->room]++;
        if (deaf) {
            int least = 4096;  /* the kernel must not go on reading in their place */
            setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
            watch(EPOLL_CTL_DEL, p->fd, 0, 0);
        }
    }
    printf("{}\n");
}

static void command(char *text)
{
    int first, count, room, window, size, private, moves, length = 0;
    unsigned lines;
    double rate, seconds, limit;
    if (sscanf(text, "connect %d %d", &count, &room) == 2) join_lobby = room, command_connect(count);
    else if (sscanf(text, "say %d %d %n", &first, &count, &length) == 2 && length) command_say(first, count, text + length);
    else if (sscanf(text, "room %d %d %d", &first, &count, &room) == 3) treat(first, count, room, false, false);
    else if (sscanf(text, "mover %d %d", &first, &count) == 2) treat(first, count, -1, true, false);
    else if (sscanf(text, "deaf %d %d", &first, &count) == 2) treat(first, count, -1, false, true);
    else if (sscanf(text, "run %d %d %lf %u %lf %lf %d %d %d", &senders, &window, &rate, &lines, &seconds, &limit, &size,
                      &private, &moves) == 9)
        command_run(window, rate, lines, seconds, limit, size, private, moves);
    else { fprintf(stderr, "not a command: %s", text); exit(1); }
    fflush(stdout);
}

static void know_wires(char *text)
{
    for (char *name = strtok(text, ","); name && wire_count < 16; name = strtok(NULL, ",")) {
        struct wire *wire = &wires[wire_count++];
        char *capabilities = strchr(name, ':');
        wire->irc = !strncmp(name, "irc", 3);
        wire->web = !strcmp(name, "web");
        wire->json = wire->web || !strcmp(name, "json");
        wire->capabilities = capabilities ? capabilities + 1 : "";
        for (char *at = capabilities ? capabilities + 1 : ""; *at; at++)
            if (*at == ':') *at = ' ';
    }
}

int main(int argc, char **argv)
{
    char text[4096];
    if (argc != 4) { fprintf(stderr, "usage: load WIRES PORT BACKLOG\n"); return 2; }
    know_wires(argv[1]);
    port = atoi(argv[2]);
    backlog = atoi(argv[3]);
#ifdef TLS
    if (!(tls = SSL_CTX_new(TLS_client_method()))) die("SSL_CTX_new");
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    signal(SIGPIPE, SIG_IGN);
#endif
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    setvbuf(stdin, NULL, _IONBF, 0);  /* so that epoll knows of every line that is not read yet */
    watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, COMMAND);
    watch(EPOLL_CTL_ADD, timer, EPOLLIN, TIMER);
    for (;;) {
        pump(-1);
        if (!command_ready) continue;
        command_ready = false;
        if (!fgets(text, sizeof text, stdin)) return 0;
        text[strcspn(text, "\n")] = 0;
        command(text);
    }
}
