/*
 * command.c - commands and what they gave, as messages: what those who submit them and the workers that run them agree on.
 *
 * Decoded things lie in one arena. A message comes from whoever may submit to the pool, so that all of it is checked: a text with a NUL in it would be
 * another one for the system.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "error.h"
#include "item.h"
#include "object.h"
#include "sync.h"

typedef Sluice__V1__Command Command;
typedef Sluice__V1__CommandVariable Variable;
typedef Sluice__V1__CommandResult Result;
typedef Sluice__V1__CommandOutput Output;

static enum sluice_status pack(const ProtobufCMessage *m, struct sluice_item *ret)
{
    size_t size = protobuf_c_message_get_packed_size(m);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL)
        return error_status(SLUICE_NO_MEMORY);
    protobuf_c_message_pack(m, bytes);
    bytes[size] = '\0';
    *ret = (struct sluice_item){.value = sluice_bytes(bytes, size), .deliveries = 1, .memory = bytes};
    return SLUICE_OK;
}

static ProtobufCBinaryData blob_out(struct sluice_blob b)
{
    return (ProtobufCBinaryData){b.size, (uint8_t *)b.data};
}

static struct sluice_blob blob_in(struct arena *a, ProtobufCBinaryData b)
{
    return (struct sluice_blob){arena_text(a, b), b.len};
}

static const char *text_in(struct arena *a, protobuf_c_boolean has, ProtobufCBinaryData b)
{
    return has ? arena_text(a, b) : NULL;
}

static bool has_nul(ProtobufCBinaryData b)
{
    return b.len > 0 && memchr(b.data, '\0', b.len) != NULL;
}

/* The message of a value, whose root is in a new arena: both or neither. */
static enum sluice_status unpack(const struct sluice_value *value,
                                 const ProtobufCMessageDescriptor *descriptor, size_t root_size,
                                 ProtobufCMessage **ret, struct arena **ret_arena, void **ret_root)
{
    if (value->type != SLUICE_TYPE_BYTES)
        return error_text(SLUICE_INVALID, "a command and its result are bytes");
    ProtobufCMessage *m = protobuf_c_message_unpack(descriptor, NULL, value->bytes.size, value->bytes.data);
    if (m == NULL)
        return error_text(SLUICE_INVALID, "the bytes are no such message");
    *ret_arena = arena_new(root_size, ret_root);
    if (*ret_arena == NULL) {
        protobuf_c_message_free_unpacked(m, NULL);
        return error_status(SLUICE_NO_MEMORY);
    }
    *ret = m;
    return SLUICE_OK;
}

/* The end of a decoding: frees the message, and the root too unless all is well. */
static enum sluice_status unpacked(enum sluice_status status, ProtobufCMessage *m, const struct arena *a,
                                   void *root)
{
    if (status == SLUICE_OK && !arena_ok(a))
        status = error_status(SLUICE_NO_MEMORY);
    if (status != SLUICE_OK)
        arena_free(root);
    protobuf_c_message_free_unpacked(m, NULL);
    return status;
}

/* ---- Commands. */

struct command_parts {
    ProtobufCBinaryData *argv;
    Variable *variables;
    Variable **pointers;
};

static void command_parts_free(struct command_parts *p)
{
    free(p->argv);
    free(p->variables);
    free(p->pointers);
}

/* Whatever it returns, command_parts_free follows. */
static enum sluice_status build_command(Command *m, struct command_parts *p, const struct sluice_command *c)
{
    size_t argc = 0;
    while (c->argv != NULL && c->argv[argc] != NULL)
        argc++;
    if (argc == 0)
        return error_text(SLUICE_INVALID, "a command has at least one argument, the program");
    p->argv = calloc(argc, sizeof *p->argv);
    p->variables = calloc(c->env_count + 1, sizeof *p->variables);
    p->pointers = calloc(c->env_count + 1, sizeof(Variable *));
    if (p->argv == NULL || p->variables == NULL || p->pointers == NULL)
        return error_status(SLUICE_NO_MEMORY);
    for (size_t i = 0; i < argc; i++)
        p->argv[i] = key_out(c->argv[i]);
    for (size_t i = 0; i < c->env_count; i++) {
        sluice__v1__command_variable__init(&p->variables[i]);
        p->variables[i].has_name = true;
        p->variables[i].name = key_out(c->env[i].name);
        p->variables[i].has_value = c->env[i].value != NULL;
        p->variables[i].value = key_out(c->env[i].value);
        p->pointers[i] = &p->variables[i];
    }
    m->n_argv = argc;
    m->argv = p->argv;
    m->n_env = c->env_count;
    m->env = p->pointers;
    return SLUICE_OK;
}

enum sluice_status sluice_command_encode(const struct sluice_command *command, struct sluice_item *ret)
{
    struct sluice_command c = SLUICE_COMMAND_INIT;
    struct command_parts p = {NULL, NULL, NULL};
    Command m = SLUICE__V1__COMMAND__INIT;
    enum sluice_status status = options_take(&c, sizeof c, command);
    if (status != SLUICE_OK)
        return status;
    status = build_command(&m, &p, &c);
    m.has_cwd = c.cwd != NULL;
    m.cwd = key_out(c.cwd);
    m.has_input = c.input.size > 0;
    m.input = blob_out(c.input);
    m.has_out_channel = c.out_channel != NULL;
    m.out_channel = key_out(c.out_channel);
    m.has_err_channel = c.err_channel != NULL;
    m.err_channel = key_out(c.err_channel);
    m.has_grace_ns = c.grace_ns >= 0;
    m.grace_ns = c.grace_ns;
    if (status == SLUICE_OK)
        status = pack(&m.base, ret);
    command_parts_free(&p);
    return status;
}

/* Why it is no command; NULL: it is. */
static const char *command_fault(const Command *m)
{
    bool nul = has_nul(m->cwd) || has_nul(m->out_channel) || has_nul(m->err_channel);
    if (m->n_argv == 0 || m->argv[0].len == 0)
        return "a command has at least one argument, the program";
    for (size_t i = 0; i < m->n_argv; i++)
        nul = nul || has_nul(m->argv[i]);
    for (size_t i = 0; i < m->n_env; i++) {
        const Variable *v = m->env[i];
        if (v->name.len == 0 || memchr(v->name.data, '=', v->name.len) != NULL)
            return "the name of a variable is not empty and has no =";
        nul = nul || has_nul(v->name) || has_nul(v->value);
    }
    return nul ? "a text of a command has no NUL" : NULL;
}

static void fill_command(struct arena *a, const Command *m, struct sluice_command *c)
{
    const char **argv = arena_array(a, m->n_argv + 1, sizeof *argv);
    struct sluice_variable *env = arena_array(a, m->n_env, sizeof *env);
    *c = (struct sluice_command)SLUICE_COMMAND_INIT;
    for (size_t i = 0; argv != NULL && i < m->n_argv; i++)
        argv[i] = arena_text(a, m->argv[i]);
    for (size_t i = 0; env != NULL && i < m->n_env; i++) {
        env[i].name = arena_text(a, m->env[i]->name);
        env[i].value = text_in(a, m->env[i]->has_value, m->env[i]->value);
    }
    c->argv = argv;
    c->env = env;
    c->env_count = env != NULL ? m->n_env : 0;
    c->cwd = text_in(a, m->has_cwd, m->cwd);
    c->input = blob_in(a, m->input);
    c->out_channel = text_in(a, m->has_out_channel, m->out_channel);
    c->err_channel = text_in(a, m->has_err_channel, m->err_channel);
    c->grace_ns = m->has_grace_ns && m->grace_ns >= 0 ? m->grace_ns : -1;
}

enum sluice_status sluice_command_decode(const struct sluice_value *value, struct sluice_command **ret)
{
    ProtobufCMessage *m = NULL;
    struct arena *a = NULL;
    void *root = NULL;
    enum sluice_status status =
        unpack(value, &sluice__v1__command__descriptor, sizeof(struct sluice_command), &m, &a, &root);
    if (status != SLUICE_OK)
        return status;
    assert(m != NULL && root != NULL);
    const char *fault = command_fault((const Command *)m);
    if (fault != NULL)
        status = error_text(SLUICE_INVALID, fault);
    else
        fill_command(a, (const Command *)m, root);
    status = unpacked(status, m, a, root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_command *sluice_command_free(struct sluice_command *command)
{
    return arena_free(command);
}

/* ---- What they gave. */

static Output *output_out(const struct sluice_output *o, Output *m)
{
    sluice__v1__command_output__init(m);
    m->has_head = o->head.size > 0;
    m->head = blob_out(o->head);
    m->has_tail = o->tail.size > 0;
    m->tail = blob_out(o->tail);
    m->has_dropped = o->dropped > 0;
    m->dropped = o->dropped;
    return m;
}

static struct sluice_output output_in(struct arena *a, const Output *m)
{
    struct sluice_output o = {{"", 0}, {"", 0}, 0};
    if (m == NULL)
        return o;
    o.head = blob_in(a, m->head);
    o.tail = blob_in(a, m->tail);
    o.dropped = m->dropped;
    return o;
}

enum sluice_status sluice_command_result_encode(const struct sluice_command_result *result,
                                                struct sluice_item *ret)
{
    struct sluice_command_result r = SLUICE_COMMAND_RESULT_INIT;
    Result m = SLUICE__V1__COMMAND_RESULT__INIT;
    Output out, err;
    enum sluice_status status = options_take(&r, sizeof r, result);
    if (status != SLUICE_OK)
        return status;
    m.has_exit = r.signal <= 0 && r.error == NULL;
    m.exit = r.exit;
    m.has_signal = r.signal > 0;
    m.signal = (uint32_t)r.signal;
    m.out = output_out(&r.out, &out);
    m.err = output_out(&r.err, &err);
    m.has_error = r.error != NULL;
    m.error = key_out(r.error);
    return pack(&m.base, ret);
}

enum sluice_status sluice_command_result_decode(const struct sluice_value *value,
                                                struct sluice_command_result **ret)
{
    ProtobufCMessage *message = NULL;
    struct arena *a = NULL;
    void *root = NULL;
    enum sluice_status status = unpack(value, &sluice__v1__command_result__descriptor,
                                       sizeof(struct sluice_command_result), &message, &a, &root);
    if (status != SLUICE_OK)
        return status;
    assert(message != NULL && root != NULL);
    const Result *m = (const Result *)message;
    struct sluice_command_result *r = root;
    *r = (struct sluice_command_result)SLUICE_COMMAND_RESULT_INIT;
    r->exit = m->exit;
    r->signal = (int32_t)m->signal;
    r->out = output_in(a, m->out);
    r->err = output_in(a, m->err);
    r->error = text_in(a, m->has_error, m->error);
    status = unpacked(SLUICE_OK, message, a, root);
    if (status == SLUICE_OK)
        *ret = root;
    return status;
}

struct sluice_command_result *sluice_command_result_free(struct sluice_command_result *result)
{
    return arena_free(result);
}
