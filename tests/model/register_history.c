//  The history that clients see, and its check. Each value knows the value it
//  was made from, so the check is exact and takes no search.

#include "register.h"

bool
register_is_made_from (int value, int older)
{
    while (walk.value[value].depth > walk.value[older].depth)
        value = walk.value[value].parent;
    return value == older;
}

//  Draws the since of a client that has seen all, or less.
static int
s_draw_since (void)
{
    int since = 0;
    for (int index = 0; index < walk.observed_count; index++) {
        int version = walk.value[walk.observed[index].value].version;
        if (since < version)
            since = version;
    }
    if (since && register_chance (4))
        since = register_draw (since + 1);
    int floor =
      register_floor_of (register_memory_of (register_draw (walk.n))->promise);
    switch (register_draw (4)) {
    case 0:
        return 0;
    case 1:
        return since;
    default:
        return floor > since ? floor : since;
    }
}

void
register_begin_op (register_kind_t kind)
{
    if (walk.op_count == OPS_MAX)
        return;
    int since = s_draw_since ();
    static const char *const s_kind[] = {"put", "delete", "settling read"};
    TRACE ("op %d begins: %s, since %d", walk.op_count, s_kind[kind], since);
    walk.op[walk.op_count++] =
      (register_op_t){.kind = kind, .begun = walk.now, .since = since};
}

void
register_fail (const char *wrong)
{
    if (walk.wrong)
        return;
    walk.wrong = wrong;
    TRACE ("WRONG: %s", wrong);
}

//  Checks that value fits to what was seen before.
static void
s_check_order (int value, int begun, bool is_write)
{
    for (int index = 0; index < walk.observed_count; index++) {
        const register_observed_t *seen = &walk.observed[index];
        bool is_later = register_is_made_from (value, seen->value);
        if (!is_later && !register_is_made_from (seen->value, value))
            register_fail ("fork: two values were made from one");
        else if (seen->ended < begun &&
                 (!is_later || (is_write && seen->value == value)))
            register_fail ("back: older than what was seen before it began");
    }
}

//  Checks that no operation was applied twice on the way to value, and that
//  versions rise.
static void
s_check_chain (int value)
{
    uint64_t ops = 0;
    for (; value; value = walk.value[value].parent) {
        uint64_t bit = 1ull << walk.value[value].op;
        if (ops & bit)
            register_fail ("twice: an operation was applied again");
        ops |= bit;
        if (walk.value[value].version <=
            walk.value[walk.value[value].parent].version)
            register_fail ("version: not above that of the value before");
    }
}

static void
s_observe (int value, int begun, bool is_write)
{
    if (walk.observed_count == OBSERVED_MAX)
        return;
    s_check_order (value, begun, is_write);
    s_check_chain (value);
    walk.observed[walk.observed_count++] =
      (register_observed_t){.value = value, .begun = begun, .ended = walk.now};
}

void
register_observe_write (int value, int begun, int op)
{
    TRACE ("op %d, begun at %d, is done: version %d, value %d", op, begun,
           walk.value[value].version, value);
    walk.sum.written++;
    s_observe (value, begun, true);
}

void
register_observe_read (int value, int begun)
{
    TRACE ("a read, begun at %d, shows version %d, value %d%s", begun,
           walk.value[value].version, value,
           walk.value[value].deleted ? ", deleted" : "");
    s_observe (value, begun, false);
}
