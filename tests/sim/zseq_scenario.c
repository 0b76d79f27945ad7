#include "zseq_scenario.h"

#include <assert.h>
#include <string.h>

#define ROUND_US 20000
#define STEPS_MAX 60
#define COUNT 10

static uint64_t
s_draw (zseq_scenario_t *self, uint64_t bound)
{
    return zseq_sim_cluster_draw (self->cluster, bound);
}

static void
s_pass (zseq_scenario_t *self, uint64_t us)
{
    zseq_sim_cluster_run (self->cluster,
                          zseq_sim_cluster_now_us (self->cluster) + us);
}

static zseq_state_t
s_state (const zseq_scenario_t *self, uint8_t node)
{
    return zseq_sim_cluster_state (self->cluster, node);
}

//  Whether a node needs its peers to go on.
static bool
s_needy (const zseq_scenario_t *self, uint8_t node)
{
    return zseq_sim_cluster_up (self->cluster, node) &&
           s_state (self, node) != ZSEQ_STATE_VOTING;
}

//  Nobody hears anybody.
static void
s_close_all (zseq_scenario_t *self)
{
    zseq_sim_cluster_mend (self->cluster);
    for (uint8_t from = 0; from < self->n; from++)
        for (uint8_t to = 0; to < self->n; to++)
            zseq_sim_cluster_cut (self->cluster, from, to,
                                  self->hello ? ZSEQ_CUT_BUT_HELLO
                                              : ZSEQ_CUT_ALL);
}

//  Rivals.

//  A new call of what nobody is known to have had.
static void
s_begin (zseq_scenario_t *self, size_t index)
{
    zseq_rival_t *rival = &self->rival[index];
    uint64_t reached = self->clients->checker[0].reached;
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    memset (rival, 0, sizeof *rival);
    rival->reached = reached;
    zseq_quorum_t quorum;
    zseq_pace_t pace = {.rtt_us = 1, .deadline_us = UINT64_MAX};
    zseq_known_t known;
    int rc = zseq_quorum_init (&quorum, self->n, 0, 0);
    assert (rc == ZSEQ_OK);
    for (size_t node = 0; node < ZSEQ_NODES_MAX; node++)
        known.next[node] = reached;
    rival->call = index < 3 ? ZSEQ_CALL_CLAIM : ZSEQ_CALL_PEEK;
    uint64_t request = ++self->clients->request;
    if (rival->call == ZSEQ_CALL_CLAIM) {
        zseq_claim_init (&rival->claim, &quorum, &known, COUNT, COUNT, &pace);
        zseq_claim_request (&rival->claim, request, now_us, &rival->msg);
        if (self->clients->highest < reached + COUNT)
            self->clients->highest = reached + COUNT;
    }
    else {
        zseq_peek_init (&rival->peek, &quorum, 0, &pace);
        zseq_peek_request (&rival->peek, request, now_us, &rival->msg);
    }
    rival->msg.cluster = zseq_sim_cluster_identity (self->cluster);
    rival->msg.name = (zseq_slice_t){"A", 1};
}

static void
s_claim_reply (zseq_scenario_t *self, size_t index, const zseq_msg_t *msg)
{
    zseq_rival_t *rival = &self->rival[index];
    zseq_claim_t *claim = &rival->claim;
    zseq_claim_reply (claim, msg, zseq_sim_cluster_now_us (self->cluster));
    if (claim->attempt.request)
        return;
    if (claim->done && claim->rc == ZSEQ_OK)
        zseq_clients_won_claim (self->clients, ZSEQ_CLIENTS_MAX + index, 0,
                                rival->reached, claim->first, claim->count);
    s_begin (self, index);
}

static void
s_peek_reply (zseq_scenario_t *self, size_t index, const zseq_msg_t *msg)
{
    zseq_rival_t *rival = &self->rival[index];
    zseq_peek_t *peek = &rival->peek;
    uint64_t now_us = zseq_sim_cluster_now_us (self->cluster);
    zseq_do_t what = zseq_peek_reply (peek, msg, now_us);
    if (peek->attempt.request)
        return;
    if (what == ZSEQ_DO_SEND) {
        rival->sent = 0;
        zseq_peek_request (peek, ++self->clients->request, now_us, &rival->msg);
        return;
    }
    if (what == ZSEQ_DO_DONE && peek->rc == ZSEQ_OK)
        zseq_clients_won_peek (self->clients, ZSEQ_CLIENTS_MAX + index, 0,
                               rival->reached, peek->value);
    s_begin (self, index);
}

void
zseq_scenario_reply (zseq_scenario_t *self, size_t rival, const zseq_msg_t *msg)
{
    assert (rival < ZSEQ_SCENARIO_RIVALS);
    if (self->rival[rival].call == ZSEQ_CALL_CLAIM)
        s_claim_reply (self, rival, msg);
    else if (self->rival[rival].call == ZSEQ_CALL_PEEK)
        s_peek_reply (self, rival, msg);
}

//  Once to each node; one that does not vote is asked another time.
static void
s_send (zseq_scenario_t *self, size_t index, uint8_t node)
{
    zseq_rival_t *rival = &self->rival[index];
    if (rival->sent & 1u << node || s_state (self, node) != ZSEQ_STATE_VOTING)
        return;
    rival->sent |= 1u << node;
    (void) zseq_sim_cluster_send (self->cluster, ZSEQ_CLIENTS_MAX + index, node,
                                  &rival->msg);
    s_pass (self, ROUND_US / 4);
}

//  Steps.

//  A node and a peer hear each other for a while.
static void
s_meet (zseq_scenario_t *self, uint8_t node, uint8_t peer, uint64_t rounds)
{
    if (node == peer)
        return;
    zseq_sim_cluster_say (self->cluster, "%c and %c meet", 'a' + node,
                          'a' + peer);
    zseq_sim_cluster_join (self->cluster, node, peer);
    s_pass (self, rounds * ROUND_US);
    s_close_all (self);
}

static void
s_restart (zseq_scenario_t *self, uint8_t node)
{
    zseq_sim_cluster_kill (self->cluster, node, false);
    zseq_operator_start (self->keeper, node);
    s_pass (self, ROUND_US);
}

static void
s_lose (zseq_scenario_t *self, uint8_t node)
{
    if (!zseq_operator_wipe (self->keeper, node))
        return;
    zseq_operator_start (self->keeper, node);
    s_pass (self, ROUND_US);
}

static void
s_put_back (zseq_scenario_t *self, uint8_t node)
{
    if (!self->keeper->charge[node].is_kept)
        (void) zseq_operator_keep (self->keeper, node);
    else if (zseq_operator_put_back (self->keeper, node)) {
        zseq_operator_start (self->keeper, node);
        s_pass (self, ROUND_US);
    }
}

static void
s_put_unborn (zseq_scenario_t *self, uint8_t node)
{
    if (!zseq_operator_put_unborn (self->keeper, node))
        return;
    zseq_operator_start (self->keeper, node);
    s_pass (self, ROUND_US);
}

//  A second process runs on a copy of a node's disk; the first one pauses.
static void
s_copy (zseq_scenario_t *self, uint8_t node, uint64_t pause_rounds)
{
    uint64_t until_us =
      zseq_sim_cluster_now_us (self->cluster) + pause_rounds * ROUND_US;
    if (zseq_operator_copy (self->keeper, node, pause_rounds ? until_us : 0))
        s_pass (self, ROUND_US);
}

static void
s_restore (zseq_scenario_t *self, uint8_t first)
{
    if (!zseq_operator_restore (self->keeper, first))
        return;
    for (uint8_t node = 0; node < self->n; node++)
        zseq_operator_start (self->keeper, node);
    s_pass (self, ROUND_US);
}

//  Nothing gets onto a node's disk for a while.
static void
s_stick (zseq_scenario_t *self, uint8_t node)
{
    zseq_sim_cluster_say (self->cluster, "%c's disk is stuck", 'a' + node);
    zseq_sim_cluster_stick (self->cluster, node,
                            zseq_sim_cluster_now_us (self->cluster) +
                              s_draw (self, 100) * ROUND_US);
}

//  A node hears enough peers to go on, and no others.
static void
s_bring_back (zseq_scenario_t *self, uint8_t node)
{
    uint8_t need = zseq_quorum_majority (self->n);
    if (s_state (self, node) != ZSEQ_STATE_RECOVERING)
        need = (uint8_t) (self->n - need);
    uint32_t met = 1u << node;
    for (uint8_t tries = 0; tries < 30 && need; tries++) {
        uint8_t peer = (uint8_t) s_draw (self, self->n);
        if (met & 1u << peer || s_state (self, peer) != ZSEQ_STATE_VOTING)
            continue;
        met |= 1u << peer;
        zseq_sim_cluster_join (self->cluster, node, peer);
        zseq_sim_cluster_say (self->cluster, "%c and %c meet", 'a' + node,
                              'a' + peer);
        need--;
    }
    s_pass (self, (5 + s_draw (self, 60)) * ROUND_US);
    s_close_all (self);
}

//  One that does not vote if there is one: that is where the races are.
static uint8_t
s_pick (zseq_scenario_t *self)
{
    for (uint8_t tries = 0; tries < self->n && s_draw (self, 3); tries++) {
        uint8_t node = (uint8_t) s_draw (self, self->n);
        if (s_needy (self, node))
            return node;
    }
    return (uint8_t) s_draw (self, self->n);
}

//  A rival asks the nodes of its own quorum: the first in order and the next,
//  or the last, of the others; so that two quorums share one. The others ask
//  anybody.
static void
s_send_some (zseq_scenario_t *self)
{
    size_t rival = s_draw (self, ZSEQ_SCENARIO_RIVALS);
    uint8_t place = (uint8_t) s_draw (self, zseq_quorum_majority (self->n));
    if (rival == 1 && place)
        place = (uint8_t) (self->n - place);
    if (rival > 1)
        place = (uint8_t) s_draw (self, self->n);
    s_send (self, rival, self->order[place]);
}

//  The shared node is the one that matters. One that recovers has less to lose.
static void
s_lose_some (zseq_scenario_t *self)
{
    uint8_t place = s_draw (self, 2) ? 0 : (uint8_t) s_draw (self, self->n);
    uint8_t node = self->order[place];
    if (s_state (self, node) == ZSEQ_STATE_VOTING || s_draw (self, 8) == 0)
        s_lose (self, node);
}

static void
s_random_step (zseq_scenario_t *self)
{
    uint8_t node = s_pick (self);
    bool needy = s_needy (self, node);
    self->hello = s_draw (self, 2);
    s_close_all (self);
    self->steps++;
    switch (s_draw (self, 15)) {
    case 0:
    case 1:
    case 2:
    case 3:
        s_send_some (self);
        break;
    case 4:
    case 5:
    case 6:
        if (needy || s_draw (self, 8) == 0)
            s_meet (self, node, (uint8_t) s_draw (self, self->n),
                    1 + s_draw (self, 20));
        break;
    case 7:
        if (needy)
            s_bring_back (self, node);
        break;
    case 8:
        s_lose_some (self);
        break;
    case 9:
        if ((needy && s_draw (self, 2)) || s_draw (self, 8) == 0)
            s_restart (self, node);
        break;
    case 10:
        s_put_back (self, node);
        break;
    case 11:
        if (s_draw (self, 3) == 0)
            s_stick (self, node);
        break;
    case 12:
        if (s_draw (self, 2))
            s_put_unborn (self, node);
        break;
    case 13:
        if (s_draw (self, 3) == 0)
            s_copy (self, node, s_draw (self, 2) * s_draw (self, 100));
        break;
    case 14:
        if (s_draw (self, 8) == 0)
            (void) zseq_operator_force (self->keeper, node);
        break;
    }
}

//  Scripts: one character says what to do, the next ones are to whom (nodes
//  from 'a' on, in an order that is drawn; rivals from '0' on).
//
//      cRN   rival R asks node N
//      -     nobody hears anybody
//      +NM   N and M hear each other from now on
//      =     all hear each other
//      !NM   what N asks M does not get there, until all hear each other
//      lN    N loses its disk
//      fN    N is formatted again
//      dN    a second process of N is started, on an empty disk
//      uN    the first one hears its peers again
//      rN    all lose their disks but N, or so many that it takes force
//      kN    N is killed, and starts again
//      oN    a copy of N's disk is kept; or put back
//      FN    N's disk is put back as format left it
//      eN    N is copied elsewhere and pauses; or EN: goes on
//      B     all disks are copied
//      RN    all disks are put back; N is forced, the others then start
//      ZN    N is forced though nothing ails it
//      sN    N's disk is stuck for a while
//      vN    time passes until N votes, a while at most
//      w     a while passes

typedef struct {
    uint8_t n;
    const char *text;
} s_script_t;

static const s_script_t s_scripts[] = {
  //  What a lost disk had accepted: in a claim, and in two of them.
  {3, "c0b lb = vb c0a c1b c1c"},
  {3, "c0b c1c - lb +bc vb c1b c0a"},
  {5, "c0a c0b la = va lb = vb c0c c1a c1b c1d"},
  //  The answer of a life that has ended, in a recovery: b (Z) hears only c,
  //  which loses its disk, and with it the fence.
  {5, "c0b - +bc lb w - +ca +cd +ce lc vc - c0c c0d - +ba +be w c1a c1b c1e"},
  {4, "c0b - +bc lb w - +ca +cd lc vc - c0c c0d - +ba +bd w c1a c1b"},
  //  Lives of different nodes are not compared: b begins two lives at a only.
  {5, "- +ba lb w kb w c0a - +ac +ad +ae la va - +bc +bd w c0c c0d c1a c1b "
      "c1e"},
  //  An old copy goes on before it has heard of its newer life.
  {3, "oc c0b c1a c1c lc = vc - oc w c0c"},
  {5, "od oe c0a c0b c1c c1d c1e ld = vd - od w c0d - +da w c0d"},
  //  The same, and whoever is asked has been restarted.
  {3, "oc c0b c1a c1c lc = vc - oc ka +ca w c0c c0a"},
  //  What is accepted and not durable when somebody copies it.
  {3, "c0b sa c0a - +ba +bc lb w c1b c1c w c0a"},
  {5, "c0b c0c sa c0a lb = vb c1b c1d c1e w"},
  //  A peek, while one of those that it read from loses its disk.
  {3, "c0a c0b c3b c3c lb = vb c3a c3b c3c c1b c1c"},
  {5, "c0a c0b c0c c3c c3d c3e lc = vc c3c c3d c3e c3a c1c c1d c1e"},
  //  A node's first process grants, and hears of the second before its disk
  //  has it.
  {3, "sb c0b db = vb ub w"},
  {4, "c0a sb c0b db = vb c1a c1c ub w c1b"},
  //  A page that comes when enough others have told what they hold.
  {5, "c0e lb = vb c3b w"},
  //  A lost disk, and the node is formatted again; it is asked before it asks.
  {3, "c0a c0b - +ba !ba fb w w w c1b c1c"},
  {5, "c0a c0b c0c - +cd +ce !cd !ce fc w w w c1c c1d c1e"},
  //  What only the lost ones knew: the floor is to hold wherever they recover.
  {3, "c0a c0b rc"},
  {3, "c0a c0b ra w"},
  {5, "c0a c0b c0c ra w"},
  {5, "c0a c0b c0c rd w"},
  //  As format left it, while a, who missed all, knows that c was born.
  {3, "c0b c0c - kb Fc +ca w c1a c1c w"},
  {3, "c0b c0c - kb +ca Fc +ca +cb w c1a c1c w"},
  {3, "c0b c0c = Fc w vc c1a c1c"},
  {4, "c0b c0c c0d - kb Fc +ca +cd w c1a c1c c1b"},
  {5, "c0b c0c c0d - kb kd Fc +ca +ce w c1a c1c c1e"},
  {5, "c0b c0c c0d - Fc +cb +ca w +ce w c1a c1c c1e"},
  {3, "c0b c0c - +ca +cb Fc kc kc kc w kc w c1a c1c"},
  {5, "c0b c0c c0d - +ca +ce +cb kb Fc kc kc kc w kc w c1a c1c c1e"},
  //  One life in two processes, and the first one goes on later.
  {3, "eb w c0b c0a w c1b c1c c1a c0c"},
  {3, "Eb c0b c0a w c1b c1c c1a w c0c"},
  {3, "eb c0b c0a kb w c1b c1c c1a w c0c"},
  {5, "eb w c0b c0a c0c w c1b c1d c1e"},
  {3, "- +ba kb w eb w w c0b c0a +bc +ac w c1b c1c"},
  {3, "- +ba kb w Eb w w c0b c0a +bc +ac w c1b c1c"},
  {5, "- +ba +bc kb w eb w w c0b c0a c0c +bd w c1b c1d c1e"},
  //  An old copy of a life that is still the newest.
  {2, "ob kb vb c0b c0a ob w vb c1a c1b"},
  {3, "oc w kc vc c0c c0b oc w vc c1c c1a"},
  {3, "oc kc vc c0c c0b - oc +ca kc kc kc w vc c1c c1a"},
  {3, "oc - +ca kc vc c0c c0a - oc +cb +ca kc w vc c1c c1b"},
  {4, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ca w c1c c1d c1a"},
  {5, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ce +ca w c1c c1d c1e"},
  {5, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ce +ca kc kc w c1c c1d c1e"},
  //  All are restored from a backup of one time.
  {2, "c0a c0b B c1a c1b Ra va = w vb c0a c0b"},
  {3, "c0a c0b B c1a c1b Ra va = w vb vc c0b c0c"},
  {3, "c0a c0b B c1b c1c Ra va - +ba w vb +bc vc c0b c0c"},
  {5, "c0a c0b c0c B c1b c1c c1e Ra va - +ba +ca w +bc +bd w = w c0b c0c c0d"},
  //  b is forced; then it comes back as it was before.
  {3, "ob c0b c0a = Zb vb - ob w c1b c1c"},
  {3, "ob c0b c0a - +ba Zb w +bc vb - ob +bc w c1b c1c"},
  {5, "ob c0b c0c c0d - +ba +bc +be Zb w vb - ob +bd +be w c1b c1d c1e"},
  {4, "ob c0b c0c c0d - +ba +bc Zb w vb - ob +bd +ba w c1b c1d c1a"},
  //  A recovery that is cut short, and one more.
  {3, "c0b c0a - +ba lb w kb = vb c1b c1c"},
  {5, "c0b c0c - +ba +bd lb w kb +be w c0a c1b c1d c1e = vb c1b"},
};

//  b does not know yet that the cluster is born, and meets another c than the
//  one that has voted.
static const char s_birth_script[] =
  "c0a c0c c0d - +bc !cb fc w - +ba w - +bc w c1b c1c c1e";

static void
s_script_step (zseq_scenario_t *self, const char *step, uint8_t node,
               uint8_t peer)
{
    self->steps++;
    switch (step[0]) {
    case 'c':
        s_send (self, (size_t) (step[1] - '0'), peer);
        break;
    case '-':
        s_close_all (self);
        break;
    case '+':
        zseq_sim_cluster_join (self->cluster, node, peer);
        break;
    case '=':
        zseq_sim_cluster_mend (self->cluster);
        break;
    case 'l':
        s_lose (self, node);
        break;
    case 'k':
        s_restart (self, node);
        break;
    case '!':
        zseq_sim_cluster_cut (self->cluster, node, peer, ZSEQ_CUT_QUESTIONS);
        break;
    case 'd':
        (void) zseq_operator_double (self->keeper, node);
        break;
    case 'u':
        zseq_sim_cluster_undouble (self->cluster, node, s_draw (self, 2));
        break;
    case 'F':
        s_put_unborn (self, node);
        break;
    case 'e':
        s_copy (self, node, 20 + s_draw (self, 150));
        break;
    case 'E':
        s_copy (self, node, 0);
        break;
    case 'B':
        (void) zseq_operator_back_up (self->keeper);
        break;
    case 'R':
        s_restore (self, node);
        break;
    case 'Z':
        (void) zseq_operator_force (self->keeper, node);
        break;
    case 'f':
        if (zseq_operator_format (self->keeper, node))
            zseq_operator_start (self->keeper, node);
        break;
    case 'r':
        (void) zseq_operator_ruin (self->keeper, node);
        break;
    case 'o':
        s_put_back (self, node);
        break;
    case 's':
        s_stick (self, node);
        break;
    case 'v':
        for (int round = 0;
             round < 100 && s_state (self, node) != ZSEQ_STATE_VOTING; round++)
            s_pass (self, ROUND_US);
        break;
    default:
        assert (step[0] == 'w');
        s_pass (self, (1 + s_draw (self, 120)) * ROUND_US);
    }
}

//  Whom a script means by a letter.
static uint8_t
s_whom (const zseq_scenario_t *self, char letter)
{
    return letter >= 'a' && letter < 'a' + self->n ? self->order[letter - 'a']
                                                   : 0;
}

static void
s_follow (zseq_scenario_t *self, const char *text)
{
    bool strays = s_draw (self, 2);
    self->hello = s_draw (self, 4) == 0;
    zseq_sim_cluster_say (self->cluster, "script: %s", text);
    while (*text) {
        size_t size = strcspn (text, " ");
        char letter = size > 1 ? text[1] : 0;
        char other = size > 2 ? text[2] : 0;
        s_script_step (self, text, s_whom (self, letter), s_whom (self, other));
        text += size;
        text += *text == ' ';
        if (strays && s_draw (self, 6) == 0) {
            bool hello = self->hello;
            s_random_step (self);
            self->hello = hello;
        }
    }
}

//  The script of that many nodes that luck chooses; NULL: none.
static const char *
s_script (zseq_scenario_t *self)
{
    const char *text = NULL;
    uint64_t found = 0;
    for (size_t index = 0; index < sizeof s_scripts / sizeof *s_scripts;
         index++)
        if (s_scripts[index].n == self->n && s_draw (self, ++found) == 0)
            text = s_scripts[index].text;
    return text;
}

void
zseq_scenario_init (zseq_scenario_t *self, zseq_sim_cluster_t *cluster,
                    zseq_clients_t *clients, zseq_operator_t *keeper, uint8_t n)
{
    assert (self);
    memset (self, 0, sizeof *self);
    self->cluster = cluster;
    self->clients = clients;
    self->keeper = keeper;
    self->n = n;
    for (uint8_t node = 0; node < n; node++) {
        uint8_t other = (uint8_t) s_draw (self, node + 1u);
        self->order[node] = self->order[other];
        self->order[other] = node;
    }
}

void
zseq_scenario_birth (zseq_scenario_t *self)
{
    assert (self->n == ZSEQ_SCENARIO_BIRTH);
    uint8_t late = self->order[1];
    zseq_operator_begin (self->keeper);
    s_pass (self, (1 + s_draw (self, 2)) * ROUND_US);
    for (uint8_t node = 0; node < self->n; node++)
        zseq_sim_cluster_cut (self->cluster, late, node, ZSEQ_CUT_QUESTIONS);
    s_pass (self, 20 * ROUND_US);
    for (size_t rival = 0; rival < ZSEQ_SCENARIO_RIVALS; rival++)
        s_begin (self, rival);
    s_follow (self, s_birth_script);
}

void
zseq_scenario_go (zseq_scenario_t *self)
{
    for (size_t rival = 0; rival < ZSEQ_SCENARIO_RIVALS; rival++)
        s_begin (self, rival);
    const char *text = s_draw (self, 3) ? s_script (self) : NULL;
    if (text) {
        s_follow (self, text);
        return;
    }
    uint64_t steps = 10 + s_draw (self, STEPS_MAX - 10);
    for (uint64_t step = 0; step < steps; step++)
        s_random_step (self);
}
