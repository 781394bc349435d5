/*
 * deadlock_test.c - who waits in circles, who waits in vain, and whether all are asleep.
 *
 * Each test builds a small world, asks as a session of its own that does not count, and reads the report as text: "a:lock y, b:lock x" for a circle, with the
 * sessions in the order they were made as letters and tasks as "t" and their number. What must not be found is tested beside what must: a report that cries wolf is read
 * by nobody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit_sched.h"

enum { TEXT_MAX = 512 };

struct stage {
    struct kit *k;
    uint64_t asker, a, b, c;
    void *space;
    struct deadlock found;
    char text[TEXT_MAX];
};

static void stage_new(struct stage *st)
{
    struct kit *k = kit_new(NULL);
    *st = (struct stage){.k = k};
    st->asker = kit_session(k);
    st->a = kit_session(k);
    st->b = kit_session(k);
    st->c = kit_session(k);
}

static void stage_free(struct stage *st)
{
    free(st->space);
    kit_free(st->k);
}

static void look(struct stage *st)
{
    free(st->space);
    st->space = malloc(engine_deadlock_space(st->k->engine));
    assert_non_null(st->space);
    engine_deadlock(st->k->engine, st->asker, st->space, &st->found);
}

static uint64_t number_of_session(const struct stage *st, const struct session *s)
{
    struct session_view v;
    engine_session_view(st->k->engine, s, &v);
    return v.number;
}

static void tell_who(struct stage *st, const struct stall *s, char *text, size_t size)
{
    struct object_view v;
    if (s->task) {
        engine_object_view(st->k->engine, s->task, &v);
        snprintf(text, size, "t%" PRIu64, v.task.number);
        return;
    }
    uint64_t n = number_of_session(st, s->session);
    snprintf(text, size, "%c", n == st->a ? 'a' : n == st->b ? 'b' : n == st->c ? 'c' : '?');
}

static void tell_what(struct stage *st, const struct stall *s, char *text, size_t size)
{
    struct object_view v = {0};
    struct arm_view arm = {0};
    if (s->within) {
        snprintf(text, size, "within");
        return;
    }
    if (s->arm)
        engine_waiter_view(s->arm, &arm);
    if (s->object)
        engine_object_view(st->k->engine, s->object, &v);
    const char *verb = s->arm ? arm_name(arm.verb) : "after";
    if (v.kind == KIND_TASK)
        snprintf(text, size, "%s t%" PRIu64, verb, v.task.number);
    else
        snprintf(text, size, "%s %.*s", verb, (int)v.name.size, v.name.size ? (const char *)v.name.data : "");
}

static void tell(struct stage *st, const struct stall *stalls, uint32_t count)
{
    size_t at = 0;
    st->text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        char who[32], what[64];
        tell_who(st, &stalls[i], who, sizeof who);
        tell_what(st, &stalls[i], what, sizeof what);
        at += (size_t)snprintf(st->text + at, sizeof st->text - at, "%s%s:%s", i ? ", " : "", who, what);
        assert_true(at < sizeof st->text);
    }
}

static void circle(struct stage *st, const char *text)
{
    look(st);
    assert_int_equal(st->found.cycles_count, 1);
    assert_int_equal(st->found.cycles[0].length, st->found.cycles[0].count);
    tell(st, st->found.cycles[0].links, st->found.cycles[0].count);
    assert_string_equal(st->text, text);
}

static void no_circle(struct stage *st)
{
    look(st);
    assert_int_equal(st->found.cycles_count, 0);
}

static void in_vain(struct stage *st, const char *text)
{
    look(st);
    assert_int_equal(st->found.stalled, st->found.stalls_count);
    tell(st, st->found.stalls, st->found.stalls_count);
    assert_string_equal(st->text, text);
}

static uint64_t locked(struct stage *st, uint64_t session, const char *name)
{
    return kit_get(st->k, lock(session, name, false), STATUS_OK)->reply.grant.token;
}

/* ---- Circles of locks ---- */

static void make_locks(struct stage *st)
{
    kit_get(st->k, make_object(st->asker, "x", KIND_MUTEX), STATUS_OK);
    kit_get(st->k, make_object(st->asker, "y", KIND_MUTEX), STATUS_OK);
    kit_get(st->k, make_object(st->asker, "z", KIND_RWMUTEX), STATUS_OK);
}

static void two_locks_crosswise(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    locked(&st, st.a, "x");
    uint64_t y = locked(&st, st.b, "y");
    kit_ask(st.k, lock(st.a, "y", false));
    no_circle(&st);
    kit_ask(st.k, lock(st.b, "x", false));
    circle(&st, "a:lock y, b:lock x");
    in_vain(&st, "a:lock y, b:lock x");
    assert_false(st.found.asleep);                         /* c does nothing for the daemon, but acts */
    kit_get(st.k, unlock(st.c, "y", false, y), STATUS_OK); /* as c does now */
    no_circle(&st);
    stage_free(&st);
}

static void three_with_readers(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    locked(&st, st.a, "x");
    locked(&st, st.b, "y");
    kit_get(st.k, lock(st.c, "z", true), STATUS_OK);
    kit_ask(st.k, lock(st.a, "y", false));
    kit_ask(st.k, lock(st.b, "z", false));
    no_circle(&st);
    kit_ask(st.k, lock(st.c, "x", false));
    circle(&st, "a:lock y, b:lock z, c:lock x");
    stage_free(&st);
}

static void its_own_lock(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    locked(&st, st.a, "x");
    kit_ask(st.k, lock(st.a, "x", false));
    circle(&st, "a:lock x");
    stage_free(&st);
}

/* A circle is one though a timeout will end it; but those in it do not wait in vain. */
static void a_timeout_ends_it(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    locked(&st, st.a, "x");
    locked(&st, st.b, "y");
    kit_ask(st.k, with_timeout(lock(st.a, "y", false), SECOND));
    kit_ask(st.k, lock(st.b, "x", false));
    circle(&st, "a:lock y, b:lock x");
    in_vain(&st, "");
    stage_free(&st);
}

static void a_ttl_ends_it(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    struct op op = lock(st.a, "x", false);
    op.lock.ttl_ns = SECOND;
    kit_get(st.k, op, STATUS_OK);
    locked(&st, st.b, "y");
    kit_ask(st.k, lock(st.a, "y", false));
    kit_ask(st.k, lock(st.b, "x", false));
    circle(&st, "a:lock y, b:lock x");
    in_vain(&st, "");
    stage_free(&st);
}

/* Threads: who has one that asks nothing may unlock yet. */
static void another_thread_may_unlock(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    struct op hello = {.code = OP_HELLO, .hello = {.id = {9}, .tasks = 2}};
    uint64_t threads = kit_get(st.k, hello, STATUS_OK)->reply.opened.number;
    locked(&st, threads, "x");
    locked(&st, st.b, "y");
    kit_ask(st.k, lock(threads, "y", false));
    kit_ask(st.k, lock(st.b, "x", false));
    no_circle(&st);
    kit_ask(st.k, lock(threads, "y", false));
    look(&st);
    assert_true(st.found.cycles_count > 0);
    stage_free(&st);
}

/* A select may go another way. */
static void a_way_out(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    kit_get(st.k, make_channel(st.asker, "ch", 0), STATUS_OK);
    locked(&st, st.a, "x");
    locked(&st, st.b, "y");
    struct arm_spec arms[] = {arm_of(ARM_LOCK, "y"), arm_recv("ch")};
    kit_ask(st.k, select_of(st.a, arms, 2));
    kit_ask(st.k, lock(st.b, "x", false));
    no_circle(&st);
    in_vain(&st, "");
    stage_free(&st);
}

static void semaphores_and_all_at_once(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    kit_get(st.k, make_semaphore(st.asker, "sem", 2), STATUS_OK);
    kit_get(st.k, acquire(st.a, "sem", 1), STATUS_OK);
    uint64_t other = kit_get(st.k, acquire(st.c, "sem", 1), STATUS_OK)->reply.grant.token;
    locked(&st, st.b, "x");
    kit_ask(st.k, lock(st.a, "x", false));
    static const char *const names[] = {"y", "sem"};
    struct arm_spec arms[] = {arm_of(ARM_LOCK, names[0]), arm_of(ARM_ACQUIRE, names[1])};
    arms[1].permits = 1;
    kit_ask(st.k, acquire_all(st.b, arms, 2));
    no_circle(&st); /* c holds a permit, and acts */
    kit_ask(st.k, lock(st.c, "x", false));
    look(&st);
    assert_int_equal(st.found.cycles_count, 2); /* by either holder of a permit */
    kit_get(st.k, release(st.asker, "sem", 1, other), STATUS_OK);
    no_circle(&st);
    stage_free(&st);
}

/* lock a -- lock b -- CMD: the holder waits for what it started. */
static void commands_within_locks(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    uint64_t x = locked(&st, st.a, "x"), y = locked(&st, st.b, "y");
    struct op child = {.code = OP_HELLO, .hello = {.id = {7}, .within = x}};
    uint64_t in_x = kit_get(st.k, child, STATUS_OK)->reply.opened.number;
    child.hello.id[0] = 8;
    child.hello.within = y;
    uint64_t in_y = kit_get(st.k, child, STATUS_OK)->reply.opened.number;
    no_circle(&st);
    kit_ask(st.k, lock(in_x, "y", false));
    no_circle(&st);
    kit_ask(st.k, lock(in_y, "x", false));
    circle(&st, "a:within, ?:lock y, b:within, ?:lock x");
    leave(st.k, in_y);
    no_circle(&st);
    stage_free(&st);
}

/* ---- Tasks ---- */

struct crew {
    uint64_t token;
    struct job first, second;
};

/* Two tasks that run, in c. */
static struct crew crew_new(struct stage *st)
{
    struct crew crew;
    kit_get(st->k, make_pool(st->asker, "p", -1, -1), STATUS_OK);
    crew.token = work_token(st->k, st->c, "p", 2);
    task_number(st->k, go(st->asker, "p", "one"));
    task_number(st->k, go(st->asker, "p", "two"));
    crew.first = pulled(st->k, st->c, "p", crew.token);
    crew.second = pulled(st->k, st->c, "p", crew.token);
    return crew;
}

static void tasks_wait_for_each_other(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    struct crew crew = crew_new(&st);
    kit_ask(st.k, in_task(join(st.c, crew.second.number), crew.first.token));
    no_circle(&st);
    kit_ask(st.k, in_task(join(st.c, crew.first.number), crew.second.token));
    circle(&st, "t1:wait t2, t2:wait t1");
    in_vain(&st, "t1:wait t2, t2:wait t1");
    stage_free(&st);
}

/* Two tasks of one worker: what each locked is its own. */
static void tasks_lock_crosswise(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    struct crew crew = crew_new(&st);
    kit_get(st.k, in_task(lock(st.c, "x", false), crew.first.token), STATUS_OK);
    kit_get(st.k, in_task(lock(st.c, "y", false), crew.second.token), STATUS_OK);
    kit_ask(st.k, in_task(lock(st.c, "y", false), crew.first.token));
    no_circle(&st);
    kit_ask(st.k, in_task(lock(st.c, "x", false), crew.second.token));
    circle(&st, "t1:lock y, t2:lock x");
    stage_free(&st);
}

/* What it locked and another took over is the other's, who acts. */
static void what_a_task_gave_away(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    struct crew crew = crew_new(&st);
    uint64_t x =
        kit_get(st.k, in_task(lock(st.c, "x", false), crew.first.token), STATUS_OK)->reply.grant.token;
    kit_ask(st.k, in_task(lock(st.c, "x", false), crew.first.token));
    circle(&st, "t1:lock x");
    kit_get(st.k, adopt(st.a, x), STATUS_OK);
    no_circle(&st);
    in_vain(&st, "");
    stage_free(&st);
}

static void a_task_that_comes_after(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    struct crew crew = crew_new(&st);
    static struct ref after[1];
    after[0] = by_task(crew.first.number);
    struct op op = go(st.asker, "p", "three");
    op.go.spec.after = after;
    op.go.spec.after_count = 1;
    uint64_t third = task_number(st.k, op);
    no_circle(&st);
    in_vain(&st, "");
    kit_ask(st.k, in_task(join(st.c, third), crew.first.token));
    circle(&st, "t1:wait t3, t3:after t1");
    in_vain(&st, "t1:wait t3, t3:after t1");
    stage_free(&st);
}

/* ---- Actors ---- */

static void actors_call_each_other(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    kit_get(st.k, make_actor(st.asker, "p", false), STATUS_OK);
    kit_get(st.k, make_actor(st.asker, "q", false), STATUS_OK);
    uint64_t p = own(st.k, st.a, "p"), q = own(st.k, st.b, "q");
    kit_ask(st.k, call_actor(st.c, "p", "ask"));
    kit_ask(st.k, call_actor(st.c, "q", "ask"));
    served_of(st.k, kit_ask(st.k, serve(st.a, "p", p)));
    served_of(st.k, kit_ask(st.k, serve(st.b, "q", q)));
    kit_ask(st.k, call_actor(st.a, "q", "ask"));
    no_circle(&st);
    kit_ask(st.k, call_actor(st.b, "p", "ask"));
    circle(&st, "a:call q, b:call p");
    stage_free(&st);
}

/* ---- In vain ---- */

static uint64_t handle_of(struct stage *st, struct op make)
{
    return kit_get(st->k, make, STATUS_OK)->reply.made.handle;
}

static void nobody_reaches_the_channel(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    struct op make = make_channel(st.a, "", 0);
    struct op recv = plain(OP_RECV, st.a);
    recv.recv.ref = by_handle(handle_of(&st, make));
    kit_ask(st.k, recv);
    in_vain(&st, "a:recv ");
    kit_get(st.k, make_channel(st.asker, "named", 0), STATUS_OK);
    kit_ask(st.k, recv_from(st.b, "named")); /* anybody may come and send */
    in_vain(&st, "a:recv ");
    no_circle(&st);
    stage_free(&st);
}

static void a_nil_channel(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    kit_ask(st.k, plain(OP_RECV, st.b));
    in_vain(&st, "b:recv ");
    stage_free(&st);
}

/* As Go's main that only lets others work: it is at rest, not stuck. */
static void a_select_of_nothing(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    make_locks(&st);
    uint64_t x = locked(&st, st.a, "x");
    kit_ask(st.k, select_of(st.a, NULL, 0));
    kit_ask(st.k, lock(st.b, "x", false));
    in_vain(&st, "");
    /* but of one whose command is stuck, it is no help */
    struct op child = {.code = OP_HELLO, .hello = {.id = {7}, .within = x}};
    uint64_t in_x = kit_get(st.k, child, STATUS_OK)->reply.opened.number;
    kit_ask(st.k, lock(in_x, "x", false));
    circle(&st, "a:within, ?:lock x");
    in_vain(&st, "b:lock x, ?:lock x");
    stage_free(&st);
}

/* Who may act has a handle of it. */
static void somebody_reaches_the_channel(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    struct op make = make_channel(st.a, "shared", 0);
    struct op recv = plain(OP_RECV, st.a);
    recv.recv.ref = by_handle(handle_of(&st, make));
    struct op open = plain(OP_OPEN, st.b);
    open.open.ref = by_name("shared");
    uint64_t theirs = kit_get(st.k, open, STATUS_OK)->reply.made.handle;
    kit_ask(st.k, recv);
    in_vain(&st, "");
    struct op drop = plain(OP_DROP, st.b);
    drop.drop.handle = theirs;
    kit_get(st.k, drop, STATUS_OK);
    in_vain(&st, ""); /* by its name */
    stage_free(&st);
}

/* ---- Asleep ---- */

static void all_asleep(void **state)
{
    (void)state;
    struct stage st;
    stage_new(&st);
    kit_get(st.k, make_channel(st.asker, "ch", 0), STATUS_OK);
    look(&st);
    assert_false(st.found.asleep); /* nobody waits */
    kit_ask(st.k, recv_from(st.a, "ch"));
    kit_ask(st.k, recv_from(st.b, "ch"));
    look(&st);
    assert_false(st.found.asleep); /* c acts */
    uint64_t last = kit_ask(st.k, with_timeout(recv_from(st.c, "ch"), SECOND));
    look(&st);
    assert_false(st.found.asleep); /* a time will come */
    kit_time(st.k, 2 * SECOND);
    answered(st.k, last, STATUS_DEADLINE_EXCEEDED);
    kit_ask(st.k, recv_from(st.c, "ch"));
    look(&st);
    assert_true(st.found.asleep);
    kit_get(st.k, send_to(st.asker, "ch", "wake"), STATUS_OK);
    look(&st);
    assert_false(st.found.asleep);
    stage_free(&st);
}

/* Ten thousand that wait for one another in a row, and then the last for the first. */
static void a_long_circle(void **state)
{
    (void)state;
    enum { TASKS = 10000 };
    struct stage st;
    static struct job jobs[TASKS];
    stage_new(&st);
    st.k->audits = false;
    kit_get(st.k, make_pool(st.asker, "p", -1, -1), STATUS_OK);
    uint64_t worker = work_token(st.k, st.c, "p", TASKS);
    for (int i = 0; i < TASKS; i++) {
        task_number(st.k, go(st.asker, "p", "x"));
        jobs[i] = pulled(st.k, st.c, "p", worker);
    }
    for (int i = 0; i + 1 < TASKS; i++)
        kit_ask(st.k, in_task(join(st.c, jobs[i + 1].number), jobs[i].token));
    no_circle(&st);
    in_vain(&st, "");
    kit_ask(st.k, in_task(join(st.c, jobs[0].number), jobs[TASKS - 1].token));
    look(&st);
    assert_int_equal(st.found.cycles_count, 1);
    assert_int_equal(st.found.cycles[0].length, TASKS);
    assert_int_equal(st.found.cycles[0].count, CYCLE_LINKS_MAX);
    assert_int_equal(st.found.stalled, TASKS);
    assert_int_equal(st.found.stalls_count, STALLS_MAX);
    stage_free(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_locks_crosswise),
        cmocka_unit_test(three_with_readers),
        cmocka_unit_test(its_own_lock),
        cmocka_unit_test(a_timeout_ends_it),
        cmocka_unit_test(a_ttl_ends_it),
        cmocka_unit_test(another_thread_may_unlock),
        cmocka_unit_test(a_way_out),
        cmocka_unit_test(semaphores_and_all_at_once),
        cmocka_unit_test(commands_within_locks),
        cmocka_unit_test(tasks_wait_for_each_other),
        cmocka_unit_test(tasks_lock_crosswise),
        cmocka_unit_test(what_a_task_gave_away),
        cmocka_unit_test(a_task_that_comes_after),
        cmocka_unit_test(actors_call_each_other),
        cmocka_unit_test(nobody_reaches_the_channel),
        cmocka_unit_test(a_nil_channel),
        cmocka_unit_test(a_select_of_nothing),
        cmocka_unit_test(somebody_reaches_the_channel),
        cmocka_unit_test(all_asleep),
        cmocka_unit_test(a_long_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
