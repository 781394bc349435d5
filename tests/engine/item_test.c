/*
 * item_test.c - values at rest and shared texts: copied in, counted, given back to the last byte.
 *
 * Every type comes out as it went in, though the source has changed meanwhile; what is no value is refused; chains keep their order. The
 * count of items and the budget of memory come back to nothing in each test, and the engine itself asserts when it is freed that it
 * holds no byte.
 */
#include "item.h"
#include "kit.h"
#include "state.h"
#include "text.h"

static struct item *keep(struct kit *k, const struct value *v)
{
    struct item *item = NULL;
    assert_int_equal(item_new(k->engine, NULL, v, &item), STATUS_OK);
    assert_int_equal(item->refs, 1);
    return item;
}

static void every_type_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    char source[] = "a\0b";
    const struct value values[] = {
        {.type = VALUE_BYTES, .bytes = {source, 3}}, {.type = VALUE_STRING, .bytes = {"", 0}},
        {.type = VALUE_JSON, .bytes = {"{}", 2}},    {.type = VALUE_INT64, .int64 = INT64_MIN},
        {.type = VALUE_DOUBLE, .real = 0.1},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct item *item = keep(k, &values[i]);
        struct value out;
        source[0] = 'z'; /* the item has a copy */
        item_value(item, 0, &out);
        source[0] = 'a';
        assert_int_equal(out.type, values[i].type);
        if (out.type == VALUE_INT64)
            assert_true(out.int64 == INT64_MIN);
        else if (out.type == VALUE_DOUBLE)
            assert_true(out.real == 0.1);
        else
            assert_memory_equal(out.bytes.data, values[i].bytes.data, out.bytes.size);
        struct item *clone = item_clone(k->engine, item);
        assert_int_equal(clone->size, item->size);
        item_unref(k->engine, clone);
        item_unref(k->engine, item);
    }
    assert_int_equal(kit_stats(k).items, 0);
    kit_free(k);
}

static void what_is_no_value_is_refused(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    struct item *item = NULL;
    const struct value none = {0}, big = {.type = VALUE_BYTES, .bytes = {"x", 1}};
    assert_int_equal(item_new(k->engine, NULL, &none, &item), STATUS_INVALID);
    engine_fail_allocation(k->engine, 1);
    assert_int_equal(item_new(k->engine, NULL, &big, &item), STATUS_NO_MEMORY);
    assert_null(item);
    kit_free(k);
}

static void a_chain_goes_first_to_last(void **state)
{
    (void)state;
    struct kit *k = kit_new(NULL);
    struct value v = text("x");
    struct item *a = keep(k, &v), *b = keep(k, &v), *c = keep(k, &v), *chain = a;
    a->link.next = &b->link;
    b->link.next = &c->link;
    assert_ptr_equal(item_chain_pop(&chain), a);
    assert_ptr_equal(chain, b);
    assert_false(list_linked(&a->link));
    item_unref(k->engine, a);
    item_unref_chain(k->engine, chain);
    item_unref_chain(k->engine, NULL);
    assert_int_equal(kit_stats(k).items, 0);
    kit_free(k);
}

static void texts_are_shared(void **state)
{
    (void)state;
    struct mem mem = {.max = 100};
    struct text *t = text_new(&mem, (struct bytes){"why", 3});
    assert_ptr_equal(text_ref(t), t);
    assert_null(text_ref(NULL));
    text_unref(&mem, t);
    assert_memory_equal(text_bytes(t).data, "why", 3);
    assert_null(text_bytes(NULL).data);
    text_unref(&mem, t);
    text_unref(&mem, NULL);
    assert_int_equal(mem.used, 0);
    t = text_new(&mem, (struct bytes){0}); /* none given is not an empty one */
    assert_non_null(text_bytes(t).data);
    text_unref(&mem, t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_out_as_it_went_in), cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(a_chain_goes_first_to_last), cmocka_unit_test(texts_are_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
