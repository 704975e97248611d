-- A database as the version of schema 1 wrote it: amy and bob talked in two rooms and in private; amy's code is
-- KT7Q-XN84, bob's (a program's) 3863d1e14669066a6b33a582738142bc, and of his lines b-1 and b-2 have an id.
-- The search index is made by the triggers while the rows come in, as it was then.

PRAGMA application_id = 1667785076;
PRAGMA user_version = 1;
CREATE TABLE logs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        head INTEGER NOT NULL,
        first INTEGER NOT NULL DEFAULT 1,
        oldest INTEGER
    );
CREATE INDEX logs_by_age ON logs (oldest) WHERE oldest IS NOT NULL;
CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        log INTEGER AS (id >> 36) VIRTUAL,
        seq INTEGER AS (id & 68719476735) VIRTUAL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        person TEXT,
        session TEXT,
        nick TEXT,
        text TEXT,
        other TEXT,
        details TEXT
    );
CREATE INDEX said ON entries (id) WHERE text IS NOT NULL;
CREATE INDEX said_by_date ON entries (log, at) WHERE text IS NOT NULL;
CREATE INDEX said_to ON entries (log, other) WHERE other IS NOT NULL;
CREATE VIRTUAL TABLE search USING fts5 (
        text, content = 'entries', content_rowid = 'id', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
    );
CREATE TRIGGER entry_added AFTER INSERT ON entries WHEN new.text IS NOT NULL BEGIN
        INSERT INTO search (rowid, text) VALUES (new.id, new.text);
    END;
CREATE TRIGGER entry_removed AFTER DELETE ON entries WHEN old.text IS NOT NULL BEGIN
        INSERT INTO search (search, rowid, text) VALUES ('delete', old.id, old.text);
    END;
CREATE TABLE line_ids (
        number INTEGER PRIMARY KEY,
        person TEXT NOT NULL,
        id TEXT NOT NULL,
        log INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (person, id)
    );
CREATE TABLE records (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE VIEW own_logs (key) AS SELECT '@' || json_extract(value, '$.person') FROM records WHERE kind = 'session';
INSERT INTO logs (id, key, name, head, first, oldest) VALUES
    (1, '#lobby', '#lobby', 6, 1, 1795943029217392),
    (4, '#ops', '#ops', 3, 1, 1795943029240423),
    (7, '@7a979715dbf0c97e', '@', 3, 1, 1795943029242077),
    (8, '@5c02e19985e4c03d', '@', 3, 1, 1795943029242077);
INSERT INTO entries (id, at, kind, person, session, nick, text, other, details) VALUES
    (68719476737, 1795943029217392, 'joined', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', NULL, NULL, '{"who": ["amy"], "here": 1}'),
    (68719476738, 1795943029239217, 'joined', '5c02e19985e4c03d', '5c02e19985e4c03d', 'bob', NULL, NULL, '{"who": ["bob"], "here": 2}'),
    (68719476739, 1795943029240423, 'message', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'the build is red', NULL, NULL),
    (68719476740, 1795943029240423, 'message', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'El niño comió piñas', NULL, NULL),
    (68719476741, 1795943029240423, 'message', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', '我们明天去北京开会', NULL, NULL),
    (68719476742, 1795943029246492, 'message', '5c02e19985e4c03d', '5c02e19985e4c03d', 'bob', 'said once', NULL, NULL),
    (274877906945, 1795943029240423, 'joined', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', NULL, NULL, '{"who": ["amy"], "here": 1}'),
    (274877906946, 1795943029241521, 'topic', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', NULL, NULL, '{"text": "release on Friday"}'),
    (274877906947, 1795943029242077, 'message', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'deploy at noon', NULL, NULL),
    (481036337153, 1795943029242077, 'private', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'psst, one', 'bob', '{"to": "bob", "to_person": "5c02e19985e4c03d"}'),
    (481036337154, 1795943029243050, 'private', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'psst, two', 'bob', '{"to": "bob", "to_person": "5c02e19985e4c03d"}'),
    (481036337155, 1795943029245470, 'private', '5c02e19985e4c03d', '5c02e19985e4c03d', 'bob', 'heard', 'bob', '{"to": "amy", "to_person": "7a979715dbf0c97e"}'),
    (549755813889, 1795943029242077, 'private', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'psst, one', 'amy', '{"to": "bob", "to_person": "5c02e19985e4c03d"}'),
    (549755813890, 1795943029243050, 'private', '7a979715dbf0c97e', '7a979715dbf0c97e', 'amy', 'psst, two', 'amy', '{"to": "bob", "to_person": "5c02e19985e4c03d"}'),
    (549755813891, 1795943029245470, 'private', '5c02e19985e4c03d', '5c02e19985e4c03d', 'bob', 'heard', 'amy', '{"to": "amy", "to_person": "7a979715dbf0c97e"}');
INSERT INTO line_ids (number, person, id, log, seq, at) VALUES
    (1, '5c02e19985e4c03d', '"b-1"', 8, 3, 1795943029245470),
    (2, '5c02e19985e4c03d', '"b-2"', 1, 6, 1795943029246492);
INSERT INTO records (kind, key, value) VALUES
    ('session', 'b3a24b78bd6b28a447d3e5800470d22778691c0d46aaf4fae60e0d3e57490e3f', '{"person": "7a979715dbf0c97e", "nick": "amy", "host": "127.0.0.1", "rooms": ["#lobby", "#ops"], "current": "#ops", "away": null, "quiet": false, "ignored": {}, "last_from": "5c02e19985e4c03d", "senders": [], "untold": [], "seen": {"@7a979715dbf0c97e": 0, "#lobby": 0, "#ops": 0}, "absent": false, "spoke_at": "2026-11-29T09:03:49.242014+00:00", "seen_at": "2026-11-29T09:03:49.217240+00:00", "ended_at": "2026-11-29T09:03:49.246600+00:00"}'),
    ('session', 'c7fc1bf782d8febd2973ff531daec2fdc2b26a1163fb4a9a8fa9eb1d7c1785a9', '{"person": "5c02e19985e4c03d", "nick": "bob", "host": "127.0.0.1", "rooms": ["#lobby"], "current": "#lobby", "away": null, "quiet": false, "ignored": {}, "last_from": "7a979715dbf0c97e", "senders": [], "untold": [], "seen": {"@5c02e19985e4c03d": 3, "#lobby": 6}, "absent": false, "spoke_at": "2026-11-29T09:03:49.246418+00:00", "seen_at": "2026-11-29T09:03:49.764083+00:00", "ended_at": "2026-11-29T09:03:50.765563+00:00"}'),
    ('topic', '#ops', 'release on Friday');
UPDATE sqlite_sequence SET seq = 13 WHERE name = 'logs';
