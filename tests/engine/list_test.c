/*
 * list_test.c - rings of nodes that know whether they are in one.
 *
 * Everything else in the engine hangs on these links: order from both ends, insertion anywhere, removal that leaves a node idle and fit
 * for another list, and the splice of two lists. That a node cannot be inserted twice or removed when idle is asserted by the list
 * itself.
 */
#include "kit.h"
#include "list.h"

struct card {
    char letter;
    struct list_node link;
};

static const char *letters(const struct list *l)
{
    static char buf[32];
    size_t n = 0;
    list_for_each(node, l)
        buf[n++] = container_of(node, struct card, link)->letter;
    buf[n] = '\0';
    return buf;
}

static void order(void **state)
{
    (void)state;
    struct list l;
    struct card a = {'a', {0}}, b = {'b', {0}}, c = {'c', {0}};
    list_init(&l);
    assert_true(list_empty(&l));
    assert_null(list_first(&l));
    assert_null(list_last(&l));
    assert_null(list_pop_front(&l));
    list_push_back(&l, &b.link);
    list_push_front(&l, &a.link);
    list_push_back(&l, &c.link);
    assert_string_equal(letters(&l), "abc");
    assert_ptr_equal(list_last(&l), &c.link);
    assert_ptr_equal(list_prev(&l, &b.link), &a.link);
    assert_null(list_prev(&l, &a.link));
    assert_null(list_next(&l, &c.link));
    list_remove(&b.link);
    assert_false(list_linked(&b.link));
    list_insert_after(&c.link, &b.link);
    assert_string_equal(letters(&l), "acb");
    assert_ptr_equal(list_pop_front(&l), &a.link);
    assert_string_equal(letters(&l), "cb");
}

static void splice(void **state)
{
    (void)state;
    struct list to, from;
    struct card a = {'a', {0}}, b = {'b', {0}}, c = {'c', {0}};
    list_init(&to);
    list_init(&from);
    list_splice_back(&to, &from);
    assert_true(list_empty(&to));
    list_push_back(&to, &a.link);
    list_push_back(&from, &b.link);
    list_push_back(&from, &c.link);
    list_splice_back(&to, &from);
    assert_string_equal(letters(&to), "abc");
    assert_true(list_empty(&from));
    list_remove(&c.link);
    list_push_back(&from, &c.link);
    assert_string_equal(letters(&from), "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(order), cmocka_unit_test(splice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
