//  Tests the codec with messages at their bounds and one past them.
//
//  A test is a table of messages in the notation of the wire document
//  (test_codec_notation.h) and the expected outcome of each:
//    OK       the codec decodes the message
//    REFUSED  invalid, but with a request ID that a refusal can echo
//    DROPPED  invalid, without one
//
//  wire.md, parts 1 to 3, defines the bounds. There is a table for the head and
//  one for the body of requests and of replies, and further tests for extra
//  elements, pages and declared sizes.

#include <criterion/criterion.h>

#include "test_codec_notation.h"

#define UINT_MAX_TEXT "18446744073709551615"
#define NEXT_MAX_TEXT "9223372036854775808"
#define ID_MAX_TEXT "9223372036854775807"
#define COUNT_MAX_TEXT "4294967296"

#define OK "ok"
#define REFUSED "refused"
#define DROPPED "dropped"

typedef struct {
    const char *notation;
    const char *outcome;
} s_case_t;

static void
s_check_cases (bool reply, const s_case_t *cases, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        uint64_t request;
        int rc = test_decode_notation (reply, cases[index].notation, &request);
        const char *outcome = rc == ZSEQ_OK ? OK : request ? REFUSED : DROPPED;
        cr_expect_str_eq (outcome, cases[index].outcome, "%s: %s",
                          cases[index].notation, outcome);
    }
}

#define CHECK(reply, cases)                                                    \
    s_check_cases (reply, cases, sizeof (cases) / sizeof *(cases))

Test (codec_bounds, holds_the_head_of_a_request_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 1, 1, 0]", OK},
      {"[1, 1, " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]", OK},
      {"[1, 1, 0, 0]", DROPPED},
      {"[1, 1, -1, 0]", DROPPED},
      {"[1, 1, 1, -1]", DROPPED},
      {"[1, 1, 1, nil]", DROPPED},
      {"[1, 1, xcb3ff0000000000000, 0]", DROPPED},
      {"[1, 1, b\"1\", 0]", DROPPED},
      {"[1, 1, [1], 0]", DROPPED},
      {"[1, 1, true, 0]", DROPPED},
      {"[0, 1, 1, 0]", REFUSED},
      {"[2, 1, 1, 0]", REFUSED},
      {"[" UINT_MAX_TEXT ", 1, 1, 0]", REFUSED},
      {"[-1, 1, 1, 0]", DROPPED},
      {"[1, 0, 1, 0]", DROPPED},
      {"[1, 5, 1, 0]", REFUSED},
      {"[1, 12, 1, 0]", REFUSED},
      {"[1, 255, 1, 0]", REFUSED},
      {"[1, 256, 1, 0]", DROPPED},
      {"[1, -1, 1, 0]", DROPPED},
      {"[]", DROPPED},
      {"[1]", DROPPED},
      {"[1, 1]", DROPPED},
      {"[1, 1, 1]", DROPPED},
      {"1", DROPPED},
      {"nil", DROPPED},
      {"x8401010101", DROPPED},
      {"xc1", DROPPED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_the_body_of_a_request_to_its_bounds)
{
    static const s_case_t cases[] = {
      //  READ
      {"[1, 2, 7, 9, n1]", OK},
      {"[1, 2, 7, 9, n255]", OK},
      {"[1, 2, 7, 9, s255]", OK},
      {"[1, 2, 7, 9, n0]", REFUSED},
      {"[1, 2, 7, 9, n256]", REFUSED},
      {"[1, 2, 7, 9, xc40100]", REFUSED},
      {"[1, 2, 7, 9, xc403610062]", REFUSED},
      {"[1, 2, 7, 9, xc403ff0162]", OK},
      {"[1, 2, 7, 9, 1]", REFUSED},
      {"[1, 2, 7, 9, nil]", REFUSED},
      {"[1, 2, 7, 9, [n1]]", REFUSED},
      {"[1, 2, 7, 9]", REFUSED},
      {"[1, 2, 7, 9, n1, 1]", REFUSED},
      //  CLAIM
      {"[1, 3, 7, 9, n1, 1, 1]", OK},
      {"[1, 3, 7, 9, n1, 0, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, -1, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, " ID_MAX_TEXT ", 1]", OK},
      {"[1, 3, 7, 9, n1, " NEXT_MAX_TEXT ", 1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, 0]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, -1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, " COUNT_MAX_TEXT "]", OK},
      {"[1, 3, 7, 9, n1, 1, 4294967297]", REFUSED},
      {"[1, 3, 7, 9, n1, " ID_MAX_TEXT ", " COUNT_MAX_TEXT "]", OK},
      {"[1, 3, 7, 9, n1, 1]", REFUSED},
      {"[1, 3, 7, 9, n1, 1, 1, 1]", REFUSED},
      //  RAISE
      {"[1, 4, 7, 9, n1, 1]", OK},
      {"[1, 4, 7, 9, n1, 0]", REFUSED},
      {"[1, 4, 7, 9, n1, " NEXT_MAX_TEXT "]", OK},
      {"[1, 4, 7, 9, n1, 9223372036854775809]", REFUSED},
      {"[1, 4, 7, 9, n1, 1, 1]", REFUSED},
      //  NEXT
      {"[1, 5, 7, 9, n1, 1, 1, 1]", OK},
      {"[1, 5, 7, 9, n255, " COUNT_MAX_TEXT ", " COUNT_MAX_TEXT
       ", 18446744073709551615]",
       OK},
      {"[1, 5, 7, 9, n0, 1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 0, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 4294967297, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 7, 0, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 7, 8, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1, 0]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, n1, 1, 1, 1, 1]", REFUSED},
      //  LIST
      {"[1, 6, 7, 9, n0, n0, 1]", OK},
      {"[1, 6, 7, 9, n255, n255, 256]", OK},
      {"[1, 6, 7, 9, s0, s0, 1]", OK},
      {"[1, 6, 7, 9, n256, n0, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, n256, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, xc40100, 1]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, 0]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, " UINT_MAX_TEXT "]", OK},
      {"[1, 6, 7, 9, n0, n0]", REFUSED},
      {"[1, 6, 7, 9, n0, n0, 1, 1]", REFUSED},
      //  INFO
      {"[1, 11, 7, 9, n1]", OK},
      {"[1, 11, 7, 9, n255]", OK},
      {"[1, 11, 7, 9, n0]", REFUSED},
      {"[1, 11, 7, 9, n256]", REFUSED},
      {"[1, 11, 7, 9]", REFUSED},
      {"[1, 11, 7, 9, n1, 1]", REFUSED},
      {"[2, 11, 7, 9, n1]", REFUSED},
      {"[3, 11, 7, 9, n1]", REFUSED},
      //  HELLO and STATUS
      {"[1, 1, 7, 9, 1]", REFUSED},
      {"[1, 1, 7, 9, s1]", OK},
      {"[1, 1, 7, 9, n63]", OK},
      {"[1, 1, 7, 9, s0]", REFUSED},
      {"[1, 1, 7, 9, s64]", REFUSED},
      {"[1, 1, 7, 9, xa100]", REFUSED},
      {"[1, 1, 7, 9, xa1ff]", OK},
      {"[1, 1, 7, 9, nil]", REFUSED},
      {"[1, 1, 7, 9, s1, s1]", REFUSED},
      {"[2, 1, 7, 9, s1]", REFUSED},
      {"[1, 7, 7, 9]", OK},
      {"[1, 7, 7, 9, s1]", REFUSED},
      {"[1, 7, 7, 9, nil]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_an_introduction_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7]", OK},
      {"[1, 8, 7, 0, 0, b\"c\", [b\"a\"], 1, [1, 2], 7]", OK},
      {"[1, 8, 7, 0, 0, s63, [s63], 5, [0, 0], 7]", OK},
      {"[1, 8, 7, 0, 0, s64, [s63], 5, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s63, [s64], 5, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s0, [s1], 1, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, s1, [s0], 1, [0, 0], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"-c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [xa26100], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 0, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 7, [1, 2], 7]", REFUSED},
      //  The node is one of the members, and the vector has one incarnation for
      //  each member.
      {"[1, 8, 7, 0, 1, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", OK},
      {"[1, 8, 7, 0, 2, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 9, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 256, \"c\", [\"a\", \"b\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 1, \"c\", [\"a\", \"b\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"b\"], 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [], 1, [], 7]", REFUSED},
      //  Names ascend.
      {"[1, 8, 7, 0, 0, \"c\", [\"b\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\", \"aa\"], 1, [1, 2, 3, 4], 7]", OK},
      {"[1, 8, 7, 0, 0, \"c\", [\"aa\", \"a\"], 1, [1, 2, 3, 4], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"B\", \"a\"], 1, [1, 2, 3, 4], 7]", OK},
      //  Nine members, and ten.
      {"[1, 8, 7, 0, 8, \"c\", [s1, s2, s3, s4, s5, s6, s7, s8, s9], 1, "
       "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 7]",
       OK},
      {"[1, 8, 7, 0, 8, \"c\", [s1, s2, s3, s4, s5, s6, s7, s8, s9, s10], 1, "
       "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 7]",
       REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7, 1]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_a_fence_and_a_copy_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  FENCE
      {"[1, 9, 7, 9, 0, 1, 0]", OK},
      {"[1, 9, 7, 0, 0, 1, 0]", OK},
      {"[1, 9, 7, 9, 8, " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]", OK},
      {"[1, 9, 7, 9, 9, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 256, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, -1, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, -1, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, -1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, nil]", REFUSED},
      {"[1, 9, 7, 9, 0, [1, 2], 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, 2, n0]", REFUSED},
      //  COPY
      {"[1, 10, 7, 9, 0, 1, 0, n0]", OK},
      {"[1, 10, 7, 9, 0, 1, 0, s0]", OK},
      {"[1, 10, 7, 9, 8, 1, 0, n255]", OK},
      {"[1, 10, 7, 9, 9, 1, 0, n255]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, 0, n0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, -1, n0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, n256]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xc40100]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, 1]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, n0, 1]", REFUSED},
      //  Only these ops exist in version 2.
      {"[2, 9, 7, 9, 0, 1, 0, true]", OK},
      {"[2, 9, 7, 9, 0, 1, 0, false]", OK},
      {"[2, 9, 7, 9, 0, 1, 0, 1]", REFUSED},
      {"[2, 9, 7, 9, 0, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 1, 0, true]", REFUSED},
      {"[3, 9, 7, 9, 0, 1, 0, true]", REFUSED},
      {"[2, 10, 7, 9, 0, 1, 0, n0, true]", OK},
      {"[2, 10, 7, 9, 0, 1, 0, n0]", REFUSED},
      {"[2, 10, 7, 9, 0, 1, 0, n0, nil]", REFUSED},
      {"[2, 2, 7, 9, n1]", REFUSED},
      {"[2, 8, 7, 0, 0, \"c\", [\"a\"], 1, [1, 2], 7]", REFUSED},
    };
    CHECK (false, cases);
}

#define KV_MAX_TEXT ID_MAX_TEXT
#define ROUND_MAX_TEXT "2147483647"

//  The beginning of a reply.
//  The beginning of a question of a node, up to the position that it tells.
#define ASK(op) "[1, " #op ", 7, 9, 0, 1, 2, 3, "
#define REPLY(op) "[1, " #op ", 7, 9, 0, 0, [1, 2], "

Test (codec_bounds, holds_a_read_and_a_write_of_a_key_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  KV_READ
      {"[1, 16, 7, 9, [n1], false, 0]", OK},
      {"[1, 16, 7, 9, [s255, n1], true, " KV_MAX_TEXT "]", OK},
      {"[1, 16, 7, 9, [xc403610062], false, 0]", OK},
      {"[1, 16, 7, 9, [n0], false, 0]", REFUSED},
      {"[1, 16, 7, 9, [n256], false, 0]", REFUSED},
      {"[1, 16, 7, 9, [], false, 0]", REFUSED},
      {"[1, 16, 7, 9, n1, false, 0]", REFUSED},
      {"[1, 16, 7, 9, [1], false, 0]", REFUSED},
      {"[1, 16, 7, 9, [n1], 0, 0]", REFUSED},
      {"[1, 16, 7, 9, [n1], false, " NEXT_MAX_TEXT "]", REFUSED},
      {"[1, 16, 7, 9, [n1], false]", REFUSED},
      {"[1, 16, 7, 9, [n1], false, 0, 0]", REFUSED},
      {"[1, 16, 7, 9, xdd00000100, false, 0]", REFUSED},
      {"[2, 16, 7, 9, [n1], false, 0]", REFUSED},
      //  KV_WRITE
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n0, 1, false]", OK},
      {"[1, 17, 7, 9, n255, 1, " UINT_MAX_TEXT ", " KV_MAX_TEXT
       ", true, " KV_MAX_TEXT ", n49152, " UINT_MAX_TEXT ", true]",
       OK},
      {"[1, 17, 7, 9, n1, 2, 1, 0, true, 1, n0, 1, true]", OK},
      {"[1, 17, 7, 9, n1, 2, 1, 0, false, 0, n1, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n0, 1, 1, 0, false, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n256, 1, 1, 0, false, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 0, 1, 0, false, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 3, 1, 0, false, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 0, 0, false, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, " NEXT_MAX_TEXT ", false, 0, n0, 1, false]",
       REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, 0, 0, n0, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, true, " NEXT_MAX_TEXT ", n0, 1, false]",
       REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n49153, 1, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n0, 0, false]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n0, 1, 0]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n0, 1]", REFUSED},
      {"[1, 17, 7, 9, n1, 1, 1, 0, false, 0, n0, 1, false, 0]", REFUSED},
      //  KV_SETTLE
      {"[1, 18, 7, 9, n1, 1, false]", OK},
      {"[1, 18, 7, 9, n255, " UINT_MAX_TEXT ", true]", OK},
      {"[1, 18, 7, 9, n0, 1, false]", REFUSED},
      {"[1, 18, 7, 9, n256, 1, false]", REFUSED},
      {"[1, 18, 7, 9, n1, 0, false]", REFUSED},
      {"[1, 18, 7, 9, n1, 1, 1]", REFUSED},
      {"[1, 18, 7, 9, n1, 1]", REFUSED},
      {"[1, 18, 7, 9, n1, 1, false, 0]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_lists_and_watches_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  KV_LIST
      {"[1, 19, 7, 9, n0, n0, 1, false]", OK},
      {"[1, 19, 7, 9, n255, n255, " UINT_MAX_TEXT ", true]", OK},
      {"[1, 19, 7, 9, n256, n0, 1, false]", REFUSED},
      {"[1, 19, 7, 9, n0, n256, 1, false]", REFUSED},
      {"[1, 19, 7, 9, n0, n0, 0, false]", REFUSED},
      {"[1, 19, 7, 9, n0, n0, 1, 0]", REFUSED},
      {"[1, 19, 7, 9, n0, n0, 1]", REFUSED},
      {"[1, 19, 7, 9, n0, n0, 1, false, 0]", REFUSED},
      //  KV_WATCH
      {"[1, 20, 7, 9, n1, 0, 1]", OK},
      {"[1, 20, 7, 9, n255, " KV_MAX_TEXT ", " UINT_MAX_TEXT "]", OK},
      {"[1, 20, 7, 9, n0, 0, 1]", REFUSED},
      {"[1, 20, 7, 9, n256, 0, 1]", REFUSED},
      {"[1, 20, 7, 9, n1, " NEXT_MAX_TEXT ", 1]", REFUSED},
      {"[1, 20, 7, 9, n1, 0, 0]", REFUSED},
      {"[1, 20, 7, 9, n1, 0]", REFUSED},
      {"[1, 20, 7, 9, n1, 0, 1, 0]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_replies_to_lists_and_watches_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  KV_LIST
      {REPLY (19) "[], n0]", OK},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 1, n0]], n255]", OK},
      {REPLY (19) "[[n255, " ROUND_MAX_TEXT ", " UINT_MAX_TEXT
                  ", " UINT_MAX_TEXT ", 2, " KV_MAX_TEXT ", n49152]], n0]",
       OK},
      {REPLY (19) "[[n1, 1, 0, 1, 3, 1, n0]], n0]", OK},
      {REPLY (19) "[[n1, 1, 0, 1, 3, 1, n1]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 4, 1, n0]], n0]", REFUSED},
      {REPLY (19) "[[n1, 0, 0, 1, 0, 1, n0]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 0, 0, 1, n0]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 0, n0]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 1, n49153]], n0]", REFUSED},
      {REPLY (19) "[[n0, 1, 0, 1, 0, 1, n0]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 1]], n0]", REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 1, n0], [n2, 1, 0, 2, 0, 1, n0]], n0]",
       OK},
      {REPLY (19) "[[n2, 1, 0, 1, 0, 1, n0], [n1, 1, 0, 2, 0, 1, n0]], n0]",
       REFUSED},
      {REPLY (19) "[[n1, 1, 0, 1, 0, 1, n0], [n1, 1, 0, 2, 0, 1, n0]], n0]",
       REFUSED},
      {REPLY (19) "[], n256]", REFUSED},
      {REPLY (19) "[]]", REFUSED},
      {REPLY (19) "[], n0, 7]", OK},
      //  KV_WATCH
      {REPLY (20) "0]", OK},
      {REPLY (20) KV_MAX_TEXT "]", OK},
      {REPLY (20) NEXT_MAX_TEXT "]", REFUSED},
      {REPLY (20) "-1]", REFUSED},
    };
    CHECK (true, cases);
}

Test (codec_bounds, holds_questions_of_proposers_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  KV_PROMISE
      {ASK (21) "1, 0, 1]", OK},
      {ASK (21) "" ROUND_MAX_TEXT ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]",
       OK},
      {ASK (21) "0, 0, 1]", REFUSED},
      {ASK (21) "2147483648, 0, 1]", REFUSED},
      {ASK (21) "1, -1, 1]", REFUSED},
      {ASK (21) "1, 0, 0]", REFUSED},
      {ASK (21) "1, 0]", REFUSED},
      {ASK (21) "1, 0, 1, 1]", REFUSED},
      {"[1, 21, 7, 9, 8, " UINT_MAX_TEXT ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT
       ", 1, 0, 1]",
       OK},
      {"[1, 21, 7, 9, 9, 1, 2, 0, 1, 0, 1]", REFUSED},
      {"[1, 21, 7, 9, 0, 0, 2, 0, 1, 0, 1]", REFUSED},
      {"[1, 21, 7, 9, 0, -1, 2, 0, 1, 0, 1]", REFUSED},
      {"[1, 21, 7, 9, 0, 1, -2, 0, 1, 0, 1]", REFUSED},
      {"[1, 21, 7, 9, 0, 1, 2, -1, 1, 0, 1]", REFUSED},
      {"[1, 21, 7, 9, 1, 0, 1]", REFUSED},
      //  KV_FETCH
      {ASK (22) "1, 0, [n1]]", OK},
      {ASK (22) "0, 0, [n1]]", REFUSED},
      {ASK (22) "2147483648, 0, [n1]]", REFUSED},
      {ASK (22) "1, 0, []]", REFUSED},
      {ASK (22) "1, 0, [n0]]", REFUSED},
      {ASK (22) "1, 0, [n256]]", REFUSED},
      {ASK (22) "1, 0, [n1], 1]", REFUSED},
      //  KV_ACCEPT
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [], n0]]]", OK},
      {ASK (23) "1, 0, [[n255, " UINT_MAX_TEXT ", false, " KV_MAX_TEXT
                ", " KV_MAX_TEXT ", [1, 1, " UINT_MAX_TEXT ", " KV_MAX_TEXT
                "], n49152]]]",
       OK},
      {ASK (23) "1, 0, [[n1, 1, true, 1, 0, [], n0]]]", OK},
      {ASK (23) "1, 0, [[n1, 1, true, 1, 0, [], n1]]]", REFUSED},
      {ASK (23) "0, 0, [[n1, 1, false, 1, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n0, 1, false, 1, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n256, 1, false, 1, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 0, false, 1, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, 0, 1, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 0, 0, [], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, " NEXT_MAX_TEXT ", 0, [], n0]]]",
       REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, " NEXT_MAX_TEXT ", [], n0]]]",
       REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [0, 1], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1, 0], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1, 2, 2, 2], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1, 2, 2, 1], n0]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1, 1, 1, 2, 1, 3, 1, 4, "
                "1, 5, 1, 6, 1, 7, 1, 8, 1, 9, 1, 10, 1, 11, 1, 12, 1, 13, 1, "
                "14, 1, "
                "15, 1, 16], n0]]]",
       OK},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [1, 1, 1, 2, 1, 3, 1, 4, "
                "1, 5, 1, 6, 1, 7, 1, 8, 1, 9, 1, 10, 1, 11, 1, 12, 1, 13, 1, "
                "14, 1, "
                "15, 1, 16, 1, 17], n0]]]",
       REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [], n49153]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, []]]]", REFUSED},
      {ASK (23) "1, 0, [[n1, 1, false, 1, 0, [], n0, 1]]]", REFUSED},
      {ASK (23) "1, 0, []]", REFUSED},
      {ASK (23) "1, 0]", REFUSED},
      //  KV_COPY
      {"[1, 27, 7, 9, 0, 1, 0, false, 0, n0]", OK},
      {"[1, 27, 7, 9, 8, " UINT_MAX_TEXT ", " UINT_MAX_TEXT ", true, 63, n255]",
       OK},
      {"[1, 27, 7, 9, 0, 1, 0, false, 0, xc40100]", OK},
      {"[1, 27, 7, 9, 9, 1, 0, false, 0, n0]", REFUSED},
      {"[1, 27, 7, 9, 0, 0, 0, false, 0, n0]", REFUSED},
      {"[1, 27, 7, 9, 0, 1, 0, 0, 0, n0]", REFUSED},
      {"[1, 27, 7, 9, 0, 1, 0, false, 64, n0]", REFUSED},
      {"[1, 27, 7, 9, 0, 1, 0, false, 0, n256]", REFUSED},
      {"[1, 27, 7, 9, 0, 1, 0, false, 0]", REFUSED},
      {"[2, 27, 7, 9, 0, 1, 0, false, 0, n0]", REFUSED},
      //  KV_PROMISES
      {"[1, 28, 7, 9, 0, 1, 0, false]", OK},
      {"[1, 28, 7, 9, 8, 1, 0, true]", OK},
      {"[1, 28, 7, 9, 9, 1, 0, false]", REFUSED},
      {"[1, 28, 7, 9, 0, 0, 0, false]", REFUSED},
      {"[1, 28, 7, 9, 0, 1, 0]", REFUSED},
      //  KV_CHOSEN
      {ASK (24) "[[n1, 1, 0, 1]]]", OK},
      {ASK (24) "[[n255, " ROUND_MAX_TEXT ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT
                "]]]",
       OK},
      {ASK (24) "[[n0, 1, 0, 1]]]", REFUSED},
      {ASK (24) "[[n1, 0, 0, 1]]]", REFUSED},
      {ASK (24) "[[n1, 1, 0, 0]]]", REFUSED},
      {ASK (24) "[[n1, 1, 0]]]", REFUSED},
      {ASK (24) "[]]", REFUSED},
      {ASK (24) "[[n1, 1, 0, 1]], 1]", REFUSED},
    };
    CHECK (false, cases);
}

Test (codec_bounds, holds_replies_of_the_key_value_store_to_their_bounds)
{
    static const s_case_t cases[] = {
      //  KV_READ
      {REPLY (16) "[[0, 0, 0, 0, 0, 0, n0]]]", OK},
      {REPLY (16) "[[0, " ROUND_MAX_TEXT ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT
                  ", 2, " KV_MAX_TEXT ", n49152]]]",
       OK},
      {REPLY (16) "[[0, 1, 1, 1, 3, 1, n0]]]", OK},
      {REPLY (16) "[[10, 0, 0]]]", OK},
      {REPLY (16) "[[255, " ROUND_MAX_TEXT ", " UINT_MAX_TEXT "]]]", OK},
      {REPLY (16) "[[0, 0, 0]]]", REFUSED},
      {REPLY (16) "[[256, 0, 0]]]", REFUSED},
      {REPLY (16) "[[10, 2147483648, 0]]]", REFUSED},
      {REPLY (16) "[[10, 0, 0, 0, 0, 0, n0]]]", REFUSED},
      {REPLY (16) "[[0, 0, 0, 0, 0, n0]]]", REFUSED},
      {REPLY (16) "[[0, 0, 0, 0, 4, 0, n0]]]", REFUSED},
      {REPLY (16) "[[0, 1, 1, 1, 1, 1, n1]]]", REFUSED},
      {REPLY (16) "[[0, 0, 0, 0, 0, " NEXT_MAX_TEXT ", n0]]]", REFUSED},
      {REPLY (16) "[[0, 0, 0, 0, 0, 0, n49153]]]", REFUSED},
      {REPLY (16) "[]]", REFUSED},
      {REPLY (16) "0]", REFUSED},
      //  KV_WRITE and KV_SETTLE
      {REPLY (17) "0, 0]", OK},
      {REPLY (17) KV_MAX_TEXT ", " KV_MAX_TEXT "]", OK},
      {REPLY (17) NEXT_MAX_TEXT ", 0]", REFUSED},
      {REPLY (17) "0, " NEXT_MAX_TEXT "]", REFUSED},
      {REPLY (17) "0]", REFUSED},
      {"[1, 17, 7, 9, 29, 0, [1, 2], 5, 0]", OK},
      {"[1, 17, 7, 9, 29, 0, [1, 2]]", REFUSED},
      {"[1, 17, 7, 9, 14, 0, [1, 2]]", OK},
      {REPLY (18) "1, 0, n49152]", OK},
      {REPLY (18) "1, 0, n49153]", REFUSED},
      {REPLY (18) "1, 0]", REFUSED},
      {"[1, 18, 7, 9, 28, 0, [1, 2], 5, 0, n0]", OK},
      {"[1, 18, 7, 9, 28, 0, [1, 2]]", REFUSED},
      //  KV_PROMISE: an answer for each bit
      {REPLY (21) "0, 1, [[0, 0, 0]]]", OK},
      {REPLY (21) UINT_MAX_TEXT
       ", 9223372036854775809, [[0, 1, 1], [30, " ROUND_MAX_TEXT
       ", " UINT_MAX_TEXT "]]]",
       OK},
      {REPLY (21) "0, 3, [[0, 0, 0]]]", REFUSED},
      {REPLY (21) "0, 1, [[0, 0, 0], [0, 0, 0]]]", REFUSED},
      {REPLY (21) "0, 0, []]", REFUSED},
      {REPLY (21) "0, 1, [[0, 2147483648, 0]]]", REFUSED},
      {REPLY (21) "0, 1, [[256, 0, 0]]]", REFUSED},
      {REPLY (21) "0, 1, [[0, 0]]]", REFUSED},
      //  KV_FETCH
      {REPLY (22) "0, [[0, 0, 0, 0, 0, 0, 0, [], n0], [30, 1, 1]]]", OK},
      {REPLY (22) "0, [[0, 0, 0, 0, 3, " KV_MAX_TEXT ", " KV_MAX_TEXT
                  ", [1, 2], n0]]]",
       OK},
      {REPLY (22) "0, [[0, 0, 0, 0, 0, 0, n0]]]", REFUSED},
      {REPLY (22) "0, [[0, 0, 0, 0, 0, 0, " NEXT_MAX_TEXT ", [], n0]]]",
       REFUSED},
      {REPLY (22) "0, [[0, 0, 0, 0, 0, 0, 0, [1, 0], n0]]]", REFUSED},
      {REPLY (22) "0, [[0, 0, 0, 0, 1, 0, 0, [], n1]]]", REFUSED},
      {REPLY (22) "0, []]", REFUSED},
      {REPLY (22) "[[30, 1, 1]]]", REFUSED},
      {REPLY (22) UINT_MAX_TEXT ", [[30, 1, 1]]]", OK},
      {REPLY (22) "-1, [[30, 1, 1]]]", REFUSED},
      //  KV_COPY: strictly ascending by key
      {REPLY (27) "0, 0, [], false]", OK},
      {REPLY (27) UINT_MAX_TEXT
       ", " UINT_MAX_TEXT ", [[xc4016b, 1, 0, 1, 0, 1, 0, [], n0], "
       "[xc4026b00, 1, 0, 1, 3, 1, 1, [1, 1], n0]], true]",
       OK},
      {REPLY (27) "0, 0, [], true]", REFUSED},
      {REPLY (27) "0, 0, [[xc4016b, 1, 0, 1, 0, 1, 0, [], n0], "
                  "[xc4016b, 1, 0, 1, 0, 1, 0, [], n0]], false]",
       REFUSED},
      {REPLY (27) "0, 0, [[n0, 1, 0, 1, 0, 1, 0, [], n0]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 0, 0, 1, 0, 1, 0, [], n0]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 1, 0, 0, 0, 1, 0, [], n0]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 1, 0, 1, 4, 1, 0, [], n0]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 1, 0, 1, 0, 0, 0, [], n0]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 1, 0, 1, 1, 1, 0, [], n1]], false]", REFUSED},
      {REPLY (27) "0, 0, [[n1, 1, 0, 1, 0, 1, 0, []]], false]", REFUSED},
      {REPLY (27) "0, 0, []]", REFUSED},
      //  KV_PROMISES
      {REPLY (28) "0, [0, 0]]", REFUSED},
      {REPLY (28) "0]", REFUSED},
      //  KV_ACCEPT
      {REPLY (23) "0, [[0, 0, 0]]]", OK},
      {REPLY (23) UINT_MAX_TEXT ", [[3, 1, 1], [0, 1, 1]]]", OK},
      {REPLY (23) "0, []]", REFUSED},
      {REPLY (23) "[[0, 0, 0]]]", REFUSED},
    };
    CHECK (true, cases);
}

//  Lists have at most 256 items.
Test (codec_bounds, holds_lists_of_keys_to_their_bounds)
{
    for (size_t count = 256; count <= 257; count++) {
        test_bytes_t text = {0};
        test_print (&text, ASK (22) "1, 0, [n1");
        for (size_t index = 1; index < count; index++)
            test_print (&text, ", n1");
        test_print (&text, "]]");
        uint64_t request;
        cr_expect_eq (test_decode_notation (false, test_text (&text), &request),
                      count == 256 ? ZSEQ_OK : ZSEQ_EPROTOCOL);
        test_free (&text);
    }
}

Test (codec_bounds, holds_what_later_versions_add_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 2, true]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 0, true]",
       REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 2, 1]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3, 3, false, nil]",
       OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1]", OK},
      //  Version 3 adds the version and the endpoints.
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [\"e\"]]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [s255]]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [n1], nil]", OK},
      //  Version 4 adds what was heard of the sender's journal.
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 4, [n1], "
       "18446744073709551615]",
       OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 4, [n1], nil]",
       REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 4, [n1], 7, nil]",
       OK},
      //  There is an endpoint for each member, within its bounds.
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, nil]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, []]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [s0]]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [s256]]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [xa100]]",
       REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [7]]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 3, [s1, s1]]",
       REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, nil]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 1, 2]", REFUSED},
      //  The reply has as many starts as incarnations.
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0, 0, 0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2, 3, 4], 3, 7, [0, 0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, -1], 0, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], -1, 1, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 0, 1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 1, 0]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 3, 7, [0, 0], 0, 9223372036854775809, 1]",
       REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4, 5]]", OK},
      {"[2, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4, 5]]", OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, [4]]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0, 4]", REFUSED},
    };
    CHECK (true, cases);
}

Test (codec_bounds, holds_the_head_of_a_reply_to_its_bounds)
{
    static const s_case_t cases[] = {
      {"[1, 2, 7, 9, 12, 0, [1, 2]]", OK},
      {"[1, 2, 0, 9, 12, 0, [1, 2]]", DROPPED},
      {"[2, 2, 7, 9, 12, 0, [1, 2]]", REFUSED},
      //  Unknown statuses are kept, and so are refusals of unknown ops.
      {"[1, 2, 7, 9, 255, 0, [1, 2]]", OK},
      {"[1, 2, 7, 9, 256, 0, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, -1, 0, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, 4294967308, 0, [1, 2]]", REFUSED},
      {"[1, 12, 7, 9, 16, 0, [1, 2]]", OK},
      {"[1, 12, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 12, 7, 9, 0, 0, [1, 2], 1]", REFUSED},
      {"[1, 256, 7, 9, 16, 0, [1, 2]]", DROPPED},
      {"[1, 2, 7, 9, 12, 1, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, 12, 1, [1, 2, 3, 4]]", OK},
      {"[1, 2, 7, 9, 12, 256, [1, 2, 3, 4]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, []]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [1]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [1, 2, 3]]", REFUSED},
      {"[1, 2, 7, 9, 12, 0, [0, 0]]", OK},
      {"[1, 2, 7, 9, 12, 0, [" UINT_MAX_TEXT ", " UINT_MAX_TEXT "]]", OK},
      {"[1, 2, 7, 9, 12, 0, [1, -2]]", REFUSED},
      {"[1, 2, 7, 9, 12, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1]]",
       OK},
      {"[1, 2, 7, 9, 12, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1, 1, 1]]",
       REFUSED},
      {"[1, 2, 7, 9, 12, 0]", REFUSED},
    };
    CHECK (true, cases);
}

Test (codec_bounds, holds_the_body_of_a_reply_to_its_bounds)
{
    static const s_case_t cases[] = {
      //  READ and RAISE
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 0]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], " NEXT_MAX_TEXT "]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 9223372036854775809]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, true, false]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, true]", OK},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, 1, false]", REFUSED},
      {"[1, 2, 7, 9, 0, 0, [1, 2], 1, true, 1]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 0]", REFUSED},
      //  INFO
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0]", OK},
      {"[1, 11, 7, 9, 0, 0, [1, 2], " NEXT_MAX_TEXT ", " UINT_MAX_TEXT
       ", " UINT_MAX_TEXT "]",
       OK},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 0, 0, 0]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 9223372036854775809, 0, 0]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, -1, 0]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, -1]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, 1]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, s1]", OK},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, n63, nil]", OK},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, s0]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, s64]", REFUSED},
      {"[1, 11, 7, 9, 0, 0, [1, 2], 1, 0, 0, xa100]", REFUSED},
      {"[1, 11, 7, 9, 12, 0, [1, 2]]", OK},
      //  CLAIM, whose refusals may have a body
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, false]", OK},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, true]", OK},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 0, 1, 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 0, 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 0, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, 1]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, nil]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, " NEXT_MAX_TEXT ", 1, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 4294967297, true]", REFUSED},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1]", REFUSED},
      {"[1, 3, 7, 9, 3, 0, [1, 2], " NEXT_MAX_TEXT ", " ID_MAX_TEXT
       ", " COUNT_MAX_TEXT ", true]",
       OK},
      {"[1, 3, 7, 9, 3, 0, [1, 2]]", REFUSED},
      {"[1, 3, 7, 9, 4, 0, [1, 2], 2, 1, 1, false]", OK},
      {"[1, 3, 7, 9, 4, 0, [1, 2]]", REFUSED},
      {"[1, 3, 7, 9, 12, 0, [1, 2]]", OK},
      {"[1, 3, 7, 9, 3, 0, [1, 2], 2, 1, 1, false, true, 0]", OK},
      {"[1, 3, 7, 9, 0, 0, [1, 2], 2, 1, 1, true, false, " COUNT_MAX_TEXT "]",
       OK},
      {"[1, 3, 7, 9, 3, 0, [1, 2], 2, 1, 1, false, true]", OK},
      {"[1, 3, 7, 9, 3, 0, [1, 2], 2, 1, 1, false, 1, 0]", REFUSED},
      {"[1, 3, 7, 9, 3, 0, [1, 2], 2, 1, 1, false, true, -1]", REFUSED},
      {"[1, 3, 7, 9, 3, 0, [1, 2], 2, 1, 1, false, true, 4294967297]", REFUSED},
      {"[1, 4, 7, 9, 3, 0, [1, 2]]", OK},
      //  NEXT
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1, false]", OK},
      {"[1, 5, 7, 9, 0, 0, [1, 2], " ID_MAX_TEXT ", " COUNT_MAX_TEXT
       ", 18446744073709551615, true]",
       OK},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 0, 1, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 0, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 4294967297, 1, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 0, true]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1, 0]", REFUSED},
      {"[1, 5, 7, 9, 0, 0, [1, 2], 1, 1, 1]", REFUSED},
      {"[1, 5, 7, 9, 4, 0, [1, 2]]", OK},
      {"[1, 5, 7, 9, 4, 0, [1, 2], true]", OK},
      {"[1, 5, 7, 9, 14, 0, [1, 2]]", OK},
      {"[1, 5, 7, 9, 14, 0, [1, 2], 0]", OK},
      {"[1, 5, 7, 9, 14, 0, [1, 2], 18446744073709551615, nil]", OK},
      {"[1, 5, 7, 9, 14, 0, [1, 2], -1]", REFUSED},
      {"[1, 5, 7, 9, 14, 0, [1, 2], true]", REFUSED},
      //  LIST
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], 0]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [], nil]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1]], true]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n255, " NEXT_MAX_TEXT "]], true]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n256, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n0, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 0]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1, 1]], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [n1, 1], true]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [n2, 1]], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [s2, 1]], false]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n2, 1], [n1, 1]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [n1, 2]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[xc401ff, 1], [n1, 2]], false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [[n1, 1], [xc401ff, 1]], false]", OK},
      //  HELLO
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 3]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s255]], 3]", OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s256]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", s0]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", xa100]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[s64, \"e\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [\"a\"], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 0]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"]], 7]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"\", [[\"a\", \"e\"]], 3]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", [[\"a\", \"e\"], [\"b\", \"e\"]], "
       "3]",
       REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2, 3, 4], \"c\", [[\"a\", \"e\"], "
       "[\"b\", \"e\"]], 3]",
       OK},
      {"[1, 1, 7, 9, 0, 0, [1, 2, 3, 4], \"c\", [[\"b\", \"e\"], "
       "[\"a\", \"e\"]], 3]",
       REFUSED},
      //  STATUS
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0]", OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 5, s127, " UINT_MAX_TEXT ", " UINT_MAX_TEXT
       ", " UINT_MAX_TEXT ", " UINT_MAX_TEXT "]",
       OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s128, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 0, s0, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 7, s0, 0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, -1, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, -1]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, []]", OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s1, 0]]", OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s31, " UINT_MAX_TEXT
       "]]",
       OK},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s0, 0]]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s32, 0]]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s1]]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [s1, -1]]", REFUSED},
      {"[1, 7, 7, 9, 0, 0, [1, 2], 1, s0, 0, 0, 0, 0, [0, s1]]", REFUSED},
      //  INTRODUCE
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5, " UINT_MAX_TEXT "]", OK},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 7, 7]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5, -1]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2], 5]", REFUSED},
      {"[1, 8, 7, 9, 0, 0, [1, 2]]", REFUSED},
      //  FENCE, whose reply has a body only when it was granted
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, 0]", OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], " NEXT_MAX_TEXT ", " NEXT_MAX_TEXT
       ", " UINT_MAX_TEXT "]",
       OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 0, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 0, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 9223372036854775809, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 9223372036854775809, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, -1]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 9, 7, 9, 10, 0, [1, 2]]", OK},
      {"[1, 9, 7, 9, 19, 1, [1, 2, 3, 4]]", OK},
      {"[1, 9, 7, 9, 10, 1, [1, 2]]", REFUSED},
      //  The vector of a refusal may have any number of incarnations: the node
      //  that asked knows how many members there are.
      {"[1, 9, 7, 9, 0, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1], 1, 1, 0]",
       OK},
      {"[1, 9, 7, 9, 0, 0, [1, 2, 3], 1, 1, 0]", REFUSED},
      //  COPY
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], false]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [], 1]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1]], true]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n255, " NEXT_MAX_TEXT "]], true]", OK},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n256, 1]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n0, 1]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 0]], true]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n2, 1], [n1, 1]], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1], [n1, 2]], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[n1, 1]]]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2]]", REFUSED},
      {"[1, 10, 7, 9, 19, 0, [1, 2]]", OK},
      {"[1, 10, 7, 9, 0, 8, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
       "1, 1], [], false]",
       OK},
    };
    CHECK (true, cases);
}

//  Elements that a later version may add to a reply.
Test (codec_bounds, passes_over_well_formed_extra_elements_of_a_reply_only)
{
    static const s_case_t cases[] = {
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, nil, true, -1, s3, n3, [], [1, [2]]]",
       OK},
      {"[1, 2, 7, 9, 12, 0, [1, 2], 1, 2, 3]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xca00000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xcb0000000000000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xe0]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd080, xd18000, xd280000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd38000000000000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd40500, xd5050000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd60500000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd7050000000000000000]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, "
       "xd80500000000000000000000000000000000]",
       OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xc70005, xc7010500, xc800010500]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xc9000000010500]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, x80, x8101c0, xde00010102]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xdf0000000101a161]", OK},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, x8101, 5]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xc1]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, [xc1]]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xca000000]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xc70105]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xd80500]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, x91]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xddffffffff]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xddffffffffddffffffffddffffffff]",
       REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xdfffffffff]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xc9ffffffff05]", REFUSED},
      {"[1, 4, 7, 9, 0, 0, [1, 2], 1, xdbffffffff]", REFUSED},
    };
    CHECK (true, cases);
}

//  Decodes a page that declares count items and has them all.
static int
s_decode_page (zseq_op_t op, int count)
{
    test_bytes_t notation = {0};
    test_print (&notation, "[1, %d, 7, 9, 0, 0, [1, 2], [", op);
    for (int item = 0; item < count; item++)
        test_print (&notation, "%s[xa2%02x%02x, 1]", item ? ", " : "",
                    1 + item / 16, 1 + item % 16);
    test_print (&notation, "], false]");
    uint64_t request;
    int rc = test_decode_notation (true, test_text (&notation), &request);
    test_free (&notation);
    return rc;
}

Test (codec_bounds, takes_no_more_items_than_a_page_has)
{
    const zseq_op_t ops[] = {ZSEQ_OP_LIST, ZSEQ_OP_COPY};
    for (size_t index = 0; index < sizeof ops / sizeof *ops; index++) {
        cr_expect (s_decode_page (ops[index], ZSEQ_PAGE_MAX) == ZSEQ_OK);
        cr_expect (s_decode_page (ops[index], ZSEQ_PAGE_MAX + 1) ==
                   ZSEQ_EPROTOCOL);
    }
}

//  An array of 2^32 - 1 elements in five bytes, and other false sizes.
Test (codec_bounds, believes_no_declared_size)
{
    static const s_case_t requests[] = {
      {"xddffffffff", DROPPED},
      {"xddffffffff010107", DROPPED},
      {"xddffffffff01010709", REFUSED},
      {"xdcffff01010709", REFUSED},
      {"xdfffffffff01010709", DROPPED},
      {"[1, 2, 7, 9, xc6ffffffff]", REFUSED},
      {"[1, 2, 7, 9, xdbffffffff61]", REFUSED},
      {"[1, 2, 7, 9, xc5ffff61]", REFUSED},
      {"[1, 2, 7, 9, xc4ff61]", REFUSED},
      {"[1, 2, 7, 9, xddffffffff]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", xddffffffff, 1, [1, 2], 7]", REFUSED},
      {"[1, 8, 7, 0, 0, \"c\", [\"a\"], 1, xddffffffff, 7]", REFUSED},
      {"xddffffffff0109070900010a", REFUSED},
      {"[1, 9, 7, 9, 0, 1, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xc6ffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 1, 0, xdbffffffff61]", REFUSED},
    };
    CHECK (false, requests);
    static const s_case_t replies[] = {
      {"xddffffffff0102070900009201020a", REFUSED},
      {"[1, 2, 7, 9, 0, 0, xddffffffff, 1]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], xddffffffff, false]", REFUSED},
      {"[1, 6, 7, 9, 0, 0, [1, 2], [xddffffffff], false]", REFUSED},
      {"[1, 1, 7, 9, 0, 0, [1, 2], \"c\", xddffffffff, 3]", REFUSED},
      {"xddffffffff0109070900009201020101", REFUSED},
      {"[1, 9, 7, 9, 0, 0, xddffffffff, 1, 1, 0]", REFUSED},
      {"[1, 9, 7, 9, 0, 0, [1, 2], 1, 1, xddffffffff]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], xddffffffff, false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], xdcffff, false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [xddffffffff], false]", REFUSED},
      {"[1, 10, 7, 9, 0, 0, [1, 2], [[xc6ffffffff, 1]], false]", REFUSED},
    };
    CHECK (true, replies);
}

Test (codec_bounds, accepts_every_format_of_arrays_and_bytes)
{
    static const s_case_t requests[] = {
      {"x9401010709", OK},
      {"xdc000401010709", OK},
      {"xdd0000000401010709", OK},
      {"[1, 2, 7, 9, xa161]", OK},
      {"[1, 2, 7, 9, xd90161]", OK},
      {"[1, 2, 7, 9, xda000161]", OK},
      {"[1, 2, 7, 9, xdb0000000161]", OK},
      {"[1, 2, 7, 9, xc40161]", OK},
      {"[1, 2, 7, 9, xc5000161]", OK},
      {"[1, 2, 7, 9, xc60000000161]", OK},
    };
    CHECK (false, requests);
    static const s_case_t replies[] = {
      {"[1, 2, 7, 9, 12, 0, xdc00020102]", OK},
      {"[1, 2, 7, 9, 12, 0, xdd000000020102]", OK},
      {"[1, 6, 7, 9, 0, 0, [1, 2], xdd00000001dc0002a16101, false]", OK},
    };
    CHECK (true, replies);
}
