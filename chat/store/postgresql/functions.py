"""What the database does itself, as functions of its own: a turn, who is alive, whose is whose.

They are not part of a version of the tables: each start puts those of its build in the place of another build's
(`chat.store.postgresql.schema`), and nodes of that build that still run go on with them, as it does with theirs.  So
what is called alike has to be right for both; where that cannot be, a new entry in `MIGRATIONS`, with a comment in it
at least, has them all stopped first.
"""

from chat.base import limits
from chat.store.postgresql.connection import KEPT_SECONDS, LOCK, TURNS
from chat.store.rows import SEQ_BITS

FUNCTIONS = f"""
    CREATE OR REPLACE FUNCTION entry_size(text text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN 150 + coalesce(octet_length(text), 0) * 3 / 2;
    CREATE OR REPLACE FUNCTION moment() RETURNS bigint LANGUAGE sql VOLATILE
        RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

    -- The epoch of who may write as this node: a server that uses the database alone keeps out all of before.
    CREATE OR REPLACE FUNCTION current(name text) RETURNS bigint LANGUAGE sql STABLE
        RETURN (SELECT max(epoch) FROM servers WHERE node = name AND epoch >= (
            SELECT coalesce(max(epoch), 0) FROM servers WHERE name = '' OR node = ''
        ));

    -- What follows this date: it does not go back, unless the clock was set right.
    CREATE OR REPLACE FUNCTION date_after(last bigint) RETURNS bigint LANGUAGE sql VOLATILE RETURN (
        SELECT CASE WHEN last > now + {limits.BACK_SECONDS * 1_000_000:.0f} THEN now ELSE greatest(last, now) END
        FROM moment() AS now
    );

    -- Nobody else writes until the transaction ends, and nobody has started a server instead of this one.  Who asks for
    -- nothing more meanwhile hangs, or cannot be reached, and would hold up all others for as long.
    CREATE OR REPLACE FUNCTION hold(mine bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('idle_in_transaction_session_timeout', '{limits.STATEMENT_SECONDS * 1000:.0f}', true);
        PERFORM pg_advisory_xact_lock({LOCK}{TURNS});
        RETURN coalesce(mine = current((SELECT node FROM servers WHERE epoch = mine)), false);
    END $$;

    -- Rows of entries become others, in the order of the columns.
    CREATE OR REPLACE FUNCTION rewrite(rows jsonb) RETURNS void LANGUAGE sql AS $$
        WITH before AS MATERIALIZED (
            SELECT entries.id, text, part FROM jsonb_array_elements(rows) AS part
            JOIN entries ON entries.id = (part->>0)::bigint
        ), after AS (
            UPDATE entries SET (at, kind, person, session, nick, text, details, other, folded) = (
                (part->>1)::bigint, part->>2, part->>3, part->>4, part->>5, part->>6, part->>7, part->>8, part->>9
            ) FROM before WHERE entries.id = before.id
            RETURNING entries.id >> {SEQ_BITS} AS log, (before.text IS NOT NULL AND entries.text IS NULL)::int AS lines,
                entry_size(before.text) - entry_size(entries.text) AS bytes
        )
        UPDATE logs SET said = said - gone.lines, size = greatest(0, size - gone.bytes)
        FROM (SELECT log, sum(lines) AS lines, sum(bytes) AS bytes FROM after GROUP BY log) AS gone
        WHERE logs.id = gone.log
    $$;

    -- The nodes are told of a turn, in as many notifications as it takes, each with how many follow and of what kind it
    -- is; where it is long they read it.  What is in no table comes in parts that fit.
    CREATE OR REPLACE FUNCTION tell(now clock, epoch bigint, told jsonb, passing jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        whole text := told::text;
        size int := octet_length(whole);
        is_read boolean := size > {limits.NOTIFIED_MOST} * {limits.TURN_PARTS};
        width int := CASE size WHEN length(whole) THEN {limits.NOTIFIED_MOST} ELSE {limits.NOTIFIED_MOST} / 4 END;
        parts int := CASE WHEN is_read THEN 1 ELSE ceil(length(whole)::real / width) END;
        more int := coalesce(jsonb_array_length(passing), 0);
        header text := now.tick || ' ' || epoch || ' ';
    BEGIN
        INSERT INTO turns VALUES (now.tick, now.at, epoch, whole);
        FOR part IN 1..parts LOOP
            PERFORM pg_notify(now.channel, header || more + parts - part || CASE WHEN is_read THEN ' read ' ELSE
                ' told ' || substr(whole, (part - 1) * width + 1, width) END);
        END LOOP;
        FOR part IN 1..more LOOP
            PERFORM pg_notify(now.channel, header || more - part || ' passing ' || (passing->>part - 1));
        END LOOP;
    END $$;

    -- Somebody is to be called so: returns who is in the way, if anybody is.
    CREATE OR REPLACE FUNCTION claim(claim jsonb, name text) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        holder text;
    BEGIN
        SELECT nick INTO holder FROM nicknames WHERE key = claim->>2 AND person != claim->>0;
        IF holder IS NULL THEN
            SELECT nick INTO holder FROM jsonb_array_elements(claim->3) AS look
            JOIN looks ON shape = look->>0 AND (script != look->>1 OR letters = look->>2)
            JOIN nicknames USING (person) WHERE person != claim->>0 LIMIT 1;
        END IF;
        IF holder IS NULL THEN
            DELETE FROM nicknames WHERE person = claim->>0;
            DELETE FROM looks WHERE person = claim->>0;
            IF claim->>1 IS NOT NULL THEN
                INSERT INTO nicknames VALUES (claim->>0, claim->>1, claim->>2, name);
                INSERT INTO looks
                    SELECT claim->>0, look->>0, look->>1, look->>2 FROM jsonb_array_elements(claim->3) AS look;
            END IF;
        END IF;
        RETURN holder;
    END $$;

    -- A turn, whole or not at all.  First of all whether it is here already: its answer may have been lost.  A node's
    -- gets its numbers and its date here, and is told to the others.
    CREATE OR REPLACE FUNCTION keep(turn jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
        mine servers;
        known jsonb;
        refused jsonb;
        elsewhere jsonb;
        me text := turn->>'node';
        now clock;
        firsts jsonb;
        asked jsonb;
        holder text;
        won jsonb := '[]';
        taken jsonb := '[]';
        outdated jsonb := '[]';
        exchanged jsonb;
        late jsonb;
    BEGIN
        PERFORM pg_advisory_xact_lock({LOCK}{TURNS});
        SELECT * INTO mine FROM servers WHERE epoch = (turn->>'epoch')::bigint;
        IF mine.n = (turn->>'n')::bigint THEN
            RETURN mine.answer;
        END IF;
        -- Of a start that is long past nothing is known any more.
        IF mine.epoch IS NULL OR mine.epoch IS DISTINCT FROM current(mine.node) THEN
            RETURN '{{"fenced": true}}';
        END IF;
        -- It goes again when that was told; to nodes of earlier builds it is refused.
        IF mine.adopted > (turn->>'seen')::bigint THEN
            RETURN jsonb_build_object('fenced', true, 'adopted', mine.adopted);
        END IF;
        IF turn ? 'ids' THEN
            SELECT jsonb_agg(jsonb_build_array(part->>1, part->>2, logs.key, logs.name, seq, at, digest)) INTO known
            FROM jsonb_array_elements(turn->'ids') AS part
            JOIN line_ids ON (person, line_ids.id) = (part->>1, part->>2) JOIN logs ON logs.id = log;
            IF me IS NOT NULL AND EXISTS (SELECT FROM refusals) THEN
                SELECT jsonb_agg(jsonb_build_array(person, id)) INTO refused
                FROM jsonb_array_elements(turn->'ids') AS part
                JOIN refusals ON (person, id) = (part->>1, part->>2)
                WHERE node != me AND tick > (turn->>'seen')::bigint;
            END IF;
            IF known IS NOT NULL OR refused IS NOT NULL THEN
                RETURN jsonb_build_object('known', known, 'refused', refused);
            END IF;
        END IF;
        IF turn ? 'by' THEN
            -- Who did it may have come back on another node, and do it again there.
            SELECT jsonb_agg(digest) INTO elsewhere FROM sessions
            WHERE digest = ANY (ARRAY (SELECT jsonb_array_elements_text(turn->'by')))
                AND node NOT IN ('', me) AND NOT (
                    tick <= (turn->>'seen')::bigint
                    AND EXISTS (SELECT FROM jsonb_array_elements(turn->'sessions') AS part WHERE part->>0 = digest)
                );
            IF elsewhere IS NOT NULL THEN
                RETURN jsonb_build_object('elsewhere', elsewhere);
            END IF;
        END IF;
        IF me IS NOT NULL THEN
            SELECT coalesce(jsonb_agg(id), '[]') INTO outdated FROM (
                SELECT id FROM people JOIN jsonb_array_elements(turn->'people') AS part ON id = part->>0
                WHERE node != me AND tick > (turn->>'seen')::bigint
                UNION ALL
                SELECT digest FROM sessions JOIN jsonb_array_elements(turn->'sessions') AS part ON digest = part->>0
                WHERE node != me AND tick > (turn->>'seen')::bigint
            ) AS later (id);
            -- Told of all the same, they would be elsewhere if this node died before it stored them again.
            IF outdated ?| ARRAY (SELECT jsonb_array_elements_text(turn->'moved')) THEN
                RETURN jsonb_build_object('unheard', (SELECT tick FROM clock));
            END IF;
        END IF;
        -- The number of the turn not before: one that was refused has none.
        UPDATE clock SET tick = tick + 1, at = date_after(at) RETURNING * INTO now;
        FOR asked IN SELECT value FROM jsonb_array_elements(turn->'claims') LOOP
            holder := claim(asked, me);
            IF holder IS NULL THEN
                won := won || jsonb_build_array(asked);
            ELSE
                taken := taken || jsonb_build_array(jsonb_build_array(asked->0, asked->1, holder));
            END IF;
        END LOOP;
        IF turn ? 'logs' THEN
            INSERT INTO logs (key, name, head)
                SELECT part->>0, part->>1, 0 FROM jsonb_array_elements(turn->'logs') AS part
                WHERE NOT EXISTS (SELECT FROM logs WHERE key = part->>0);
            WITH placed AS (
                UPDATE logs SET
                    name = part->>1,
                    head = CASE WHEN me IS NULL THEN (part->>2)::bigint
                        ELSE head + (part->>2)::bigint - (part->>6)::bigint + 1 END,
                    oldest = coalesce(oldest, CASE WHEN me IS NULL OR part->>3 IS NULL THEN (part->>3)::bigint
                        ELSE now.at END),
                    said = said + (part->>4)::bigint, size = size + (part->>5)::bigint
                FROM jsonb_array_elements(turn->'logs') AS part WHERE key = part->>0
                RETURNING key, id << {SEQ_BITS} AS place, id, head - (part->>2)::bigint AS shift,
                    (part->>6)::bigint AS first
            ), named AS (
                INSERT INTO line_ids (person, id, log, seq, at, digest)
                SELECT part->>1, part->>2, placed.id, (part->>3)::bigint + shift,
                    CASE WHEN me IS NULL THEN (part->>4)::bigint ELSE now.at END, (part->>5)::bigint
                FROM jsonb_array_elements(turn->'ids') AS part JOIN placed ON key = part->>0
            ), written AS (
                INSERT INTO entries
                SELECT place + (part->>1)::bigint + shift,
                    CASE WHEN me IS NULL THEN (part->>2)::bigint ELSE now.at END,
                    part->>3, part->>4, part->>5, part->>6, part->>7, part->>8, part->>9, folded
                FROM ROWS FROM (
                    jsonb_array_elements(turn->'entries'), jsonb_array_elements_text(turn->'folded')
                ) AS written (part, folded) JOIN placed ON key = part->>0
            )
            SELECT jsonb_object_agg(key, first + shift) INTO firsts FROM placed;
        END IF;
        IF turn ? 'refused' THEN
            INSERT INTO refusals SELECT DISTINCT part->>0, part->>1, me, now.tick
                FROM jsonb_array_elements(turn->'refused') AS part
                ON CONFLICT (person, id) DO UPDATE SET (node, tick) = (excluded.node, excluded.tick);
        END IF;
        IF turn ? 'exchanges' THEN
            SELECT
                jsonb_agg(jsonb_build_array(kind, key, after)) FILTER (WHERE is_first),
                jsonb_agg(jsonb_build_array(kind, key, after)) FILTER (WHERE NOT is_first)
            INTO exchanged, late FROM (
                SELECT part->>0, part->>1, part->3, records.value IS NOT DISTINCT FROM part->>2
                FROM jsonb_array_elements(turn->'exchanges') AS part
                LEFT JOIN records ON (records.kind, records.key) = (part->>0, part->>1)
            ) AS asked (kind, key, after, is_first);
            turn := turn || jsonb_build_object(
                'records', coalesce(turn->'records', '[]') || coalesce(exchanged, '[]')
            );
        END IF;
        IF turn ? 'records' THEN
            DELETE FROM records USING jsonb_array_elements(turn->'records') AS part
                WHERE (kind, key) = (part->>0, part->>1) AND part->>2 IS NULL;
            INSERT INTO records SELECT part->>0, part->>1, part->>2 FROM jsonb_array_elements(turn->'records') AS part
                WHERE part->>2 IS NOT NULL ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value;
        END IF;
        IF turn ? 'people' THEN
            INSERT INTO people SELECT part->>0, part->>1, coalesce(me, ''), now.tick
                FROM jsonb_array_elements(turn->'people') AS part WHERE NOT outdated ? (part->>0)
                ON CONFLICT (id) DO UPDATE
                SET (record, node, tick) = (excluded.record, excluded.node, excluded.tick);
        END IF;
        IF turn ? 'sessions' THEN
            INSERT INTO sessions SELECT part->>0, part->>1, coalesce(me, ''), now.tick
                FROM jsonb_array_elements(turn->'sessions') AS part WHERE NOT outdated ? (part->>0)
                ON CONFLICT (digest) DO UPDATE
                SET (record, node, tick, ended_at) = (excluded.record, excluded.node, excluded.tick, NULL);
        END IF;
        IF me IS NULL THEN
            DELETE FROM people USING jsonb_array_elements(turn->'people') AS part
                WHERE id = part->>0 AND record IS NULL;
            DELETE FROM sessions USING jsonb_array_elements(turn->'sessions') AS part
                WHERE digest = part->>0 AND record IS NULL;
        END IF;
        IF turn ? 'emptied' THEN
            PERFORM rewrite(turn->'emptied');
        END IF;
        mine.answer := jsonb_build_object(
            'tick', now.tick, 'at', now.at, 'firsts', firsts, 'taken', taken, 'outdated', outdated
        );
        IF late IS NOT NULL THEN
            mine.answer := mine.answer || jsonb_build_object('late', late);
        END IF;
        UPDATE servers SET n = (turn->>'n')::bigint, answer = mine.answer WHERE epoch = mine.epoch;
        IF me IS NOT NULL THEN
            PERFORM tell(
                now, mine.epoch,
                (turn - '{{epoch,n,seen,by,moved,ids,claims,exchanges,emptied,folded,passing}}'::text[])
                    || jsonb_build_object('answer', mine.answer, 'won', won),
                turn->'passing'
            );
        END IF;
        RETURN mine.answer;
    END $$;

    -- Some sessions of a node are another one's, with the last of them its nicknames; where it may still be there
    -- (`lapsed`) only if its lease has run out.  Returns, where there are more, behind which one those are.
    CREATE OR REPLACE FUNCTION adopt(mine bigint, gone text, lapsed boolean, behind text, stored jsonb) RETURNS text
    LANGUAGE plpgsql SET enable_bitmapscan = off AS $$  -- without statistics it would sort them all for each part
    DECLARE
        name text := (SELECT node FROM servers WHERE epoch = mine);
        now clock;
        ended jsonb;
        last text;
        won jsonb := '[]';
        asked jsonb;
    BEGIN
        PERFORM pg_advisory_xact_lock({LOCK}{TURNS});
        IF mine IS DISTINCT FROM current(name)
            OR (lapsed AND NOT EXISTS (SELECT FROM servers WHERE epoch = current(gone) AND until < moment()))
            OR NOT (
                lapsed OR EXISTS (SELECT FROM servers WHERE node = gone AND epoch < mine)
                OR EXISTS (SELECT FROM sessions WHERE node = gone)
            ) THEN
            RETURN NULL;
        END IF;
        UPDATE clock SET tick = tick + 1, at = date_after(at) RETURNING * INTO now;
        WITH moved AS (
            UPDATE sessions SET node = name, tick = now.tick, ended_at = coalesce(ended_at, now.at)
            FROM (
                SELECT ctid FROM sessions WHERE node = gone AND digest > behind AND record IS NOT NULL
                ORDER BY digest LIMIT {limits.ADOPTED_AT_ONCE}
            ) AS part (place) WHERE sessions.ctid = place RETURNING digest
        ) SELECT coalesce(jsonb_agg(digest), '[]'), CASE count(*) WHEN {limits.ADOPTED_AT_ONCE} THEN max(digest) END
            INTO ended, last FROM moved;
        IF last IS NULL THEN
            WITH free AS (
                DELETE FROM nicknames WHERE node = gone
                    AND NOT EXISTS (SELECT FROM people WHERE id = person AND people.nick IS NOT NULL)
                RETURNING person
            ), unseen AS (DELETE FROM looks USING free WHERE looks.person = free.person)
            SELECT coalesce(jsonb_agg(jsonb_build_array(person, NULL)), '[]') INTO won FROM free;
            FOR asked IN
                SELECT value FROM jsonb_array_elements(stored) JOIN nicknames ON person = value->>0 AND node = gone
                JOIN people ON id = person AND people.nick = value->>1
            LOOP
                IF claim(asked, name) IS NULL THEN
                    won := won || jsonb_build_array(asked);
                END IF;
            END LOOP;
        END IF;
        UPDATE servers SET adopted = now.tick, until = CASE WHEN lapsed AND last IS NULL THEN NULL ELSE until END
            WHERE epoch = current(gone);
        PERFORM tell(now, 0, jsonb_build_object(
            'node', name, 'adopted', gone, 'answer', jsonb_build_object('at', now.at), 'won', won, 'ended', ended
        ), NULL);
        RETURN last;
    END $$;

    -- This node is there; which are not, and have sessions.  Null where it was adopted, and does not know it yet.
    CREATE OR REPLACE FUNCTION beat(mine bigint, seen bigint, seconds bigint, here bigint) RETURNS jsonb
    LANGUAGE plpgsql AS $$
    DECLARE
        me text;
        before bigint := (SELECT until FROM servers WHERE epoch = mine);
        lease bigint := seconds * 1000000;
    BEGIN
        UPDATE servers SET until = moment() + lease
            WHERE epoch = mine AND adopted <= seen AND epoch = current(node) RETURNING node INTO me;
        IF me IS NULL THEN
            RETURN NULL;
        END IF;
        IF before < moment() THEN
            -- The database was away, for the others as well perhaps, or its clock was set forward: they have their
            -- time to say that they are there.
            UPDATE servers SET until = moment() + lease WHERE until < moment();
        END IF;
        -- The clock was set back, and who is not there any more would be for as long.
        UPDATE servers SET until = moment() + lease WHERE until > moment() + 2 * lease;
        UPDATE nodes SET heard_at = moment(), people = here, behind = (SELECT tick FROM clock) - seen
            WHERE nodes.name = me;
        DELETE FROM turns WHERE at < moment() - {KEPT_SECONDS} * 1000000::bigint;
        DELETE FROM people WHERE record IS NULL AND tick < (SELECT min(tick) FROM turns);
        DELETE FROM sessions WHERE record IS NULL AND tick < (SELECT min(tick) FROM turns);
        DELETE FROM refusals WHERE tick < (SELECT min(tick) FROM turns);
        RETURN (
            SELECT coalesce(jsonb_agg(DISTINCT node), '[]') FROM servers
            WHERE node NOT IN ('', me) AND epoch = current(node) AND until < moment() AND (
                EXISTS (SELECT FROM sessions WHERE sessions.node = servers.node AND record IS NOT NULL)
                OR EXISTS (SELECT FROM nicknames WHERE nicknames.node = servers.node)
            )
        );
    END $$;

    -- Nobody waits until it is on the disk, or on a standby: what is lost is told again.
    CREATE OR REPLACE FUNCTION keep_progress(mine bigint, name text, kept jsonb) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('synchronous_commit', 'off', true);
        IF mine = current(name) THEN
            INSERT INTO progress
                SELECT digest, hashtextextended(sessions.record, 0), tick, part->>1
                FROM jsonb_array_elements(kept) AS part JOIN sessions ON digest = part->>0
                WHERE node = name AND sessions.record IS NOT NULL
                ON CONFLICT (digest) DO UPDATE
                SET (said, tick, record) = (excluded.said, excluded.tick, excluded.record)
                WHERE progress.tick <= excluded.tick;
        END IF;
    END $$;
"""
