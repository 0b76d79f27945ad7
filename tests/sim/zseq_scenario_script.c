//  Scripts of guided schedules. Each once broke a protocol, or breaks a mutant.
//  The tables say what happens; zseq_scenario.c has the steps.

#include "zseq_scenario_private.h"

#include <assert.h>
#include <string.h>

//  Scripts: one character says what to do, the next ones name nodes and
//  competitors (nodes from 'a' on, in an order that is drawn; competitors from
//  '0' on).
//
//      cRN   competitor R asks node N
//      -     no node hears another one
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
  //  A lost disk had accepted the IDs: for one claim, and for two.
  {3, "c0b lb = vb c0a c1b c1c"},
  {3, "c0b c1c - lb +bc vb c1b c0a"},
  {5, "c0a c0b la = va lb = vb c0c c1a c1b c1d"},
  //  A recovery gets an answer of an incarnation that has ended: b (Z in the
  //  test) hears only c, which loses its disk, and with it the fence.
  {5, "c0b - +bc lb w - +ca +cd +ce lc vc - c0c c0d - +ba +be w c1a c1b c1e"},
  {4, "c0b - +bc lb w - +ca +cd lc vc - c0c c0d - +ba +bd w c1a c1b"},
  //  Incarnations of different nodes are not compared: b begins two that only a
  //  learns of.
  {5, "- +ba lb w kb w c0a - +ac +ad +ae la va - +bc +bd w c0c c0d c1a c1b "
      "c1e"},
  //  An old copy goes on before it has heard of its newer incarnation.
  {3, "oc c0b c1a c1c lc = vc - oc w c0c"},
  {5, "od oe c0a c0b c1c c1d c1e ld = vd - od w c0d - +da w c0d"},
  //  The same, and the peer that is asked has restarted.
  {3, "oc c0b c1a c1c lc = vc - oc ka +ca w c0c c0a"},
  //  A claim is accepted but not durable when a peer copies it.
  {3, "c0b sa c0a - +ba +bc lb w c1b c1c w c0a"},
  {5, "c0b c0c sa c0a lb = vb c1b c1d c1e w"},
  //  One of the nodes that a peek read from loses its disk.
  {3, "c0a c0b c3b c3c lb = vb c3a c3b c3c c1b c1c"},
  {5, "c0a c0b c0c c3c c3d c3e lc = vc c3c c3d c3e c3a c1c c1d c1e"},
  //  A node's first process grants a claim, and hears of the second process
  //  before the claim is on its disk.
  {3, "sb c0b db = vb ub w"},
  {4, "c0a sb c0b db = vb c1a c1c ub w c1b"},
  //  A page arrives when enough other peers have sent theirs.
  {5, "c0e lb = vb c3b w"},
  //  A node that lost its disk is formatted again. It is asked before it asks.
  {3, "c0a c0b - +ba !ba fb w w w c1b c1c"},
  {5, "c0a c0b c0c - +cd +ce !cd !ce fc w w w c1c c1d c1e"},
  //  Only the lost nodes knew an ID. The floor must hold wherever they recover.
  {3, "c0a c0b rc"},
  {3, "c0a c0b ra w"},
  {5, "c0a c0b c0c ra w"},
  {5, "c0a c0b c0c rd w"},
  //  A directory as format left it. a missed everything, and then learns that c
  //  has formed.
  {3, "c0b c0c - kb Fc +ca w c1a c1c w"},
  {3, "c0b c0c - kb +ca Fc +ca +cb w c1a c1c w"},
  {3, "c0b c0c = Fc w vc c1a c1c"},
  {4, "c0b c0c c0d - kb Fc +ca +cd w c1a c1c c1b"},
  {5, "c0b c0c c0d - kb kd Fc +ca +ce w c1a c1c c1e"},
  {5, "c0b c0c c0d - Fc +cb +ca w +ce w c1a c1c c1e"},
  {3, "c0b c0c - +ca +cb Fc kc kc kc w kc w c1a c1c"},
  {5, "c0b c0c c0d - +ca +ce +cb kb Fc kc kc kc w kc w c1a c1c c1e"},
  //  Two processes have one incarnation. The first one goes on later.
  {3, "eb w c0b c0a w c1b c1c c1a c0c"},
  {3, "Eb c0b c0a w c1b c1c c1a w c0c"},
  {3, "eb c0b c0a kb w c1b c1c c1a w c0c"},
  {5, "eb w c0b c0a c0c w c1b c1d c1e"},
  {3, "- +ba kb w eb w w c0b c0a +bc +ac w c1b c1c"},
  {3, "- +ba kb w Eb w w c0b c0a +bc +ac w c1b c1c"},
  {5, "- +ba +bc kb w eb w w c0b c0a c0c +bd w c1b c1d c1e"},
  //  An old copy has an incarnation that is still the newest.
  {2, "ob kb vb c0b c0a ob w vb c1a c1b"},
  {3, "oc w kc vc c0c c0b oc w vc c1c c1a"},
  {3, "oc kc vc c0c c0b - oc +ca kc kc kc w vc c1c c1a"},
  {3, "oc - +ca kc vc c0c c0a - oc +cb +ca kc w vc c1c c1b"},
  {4, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ca w c1c c1d c1a"},
  {5, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ce +ca w c1c c1d c1e"},
  {5, "oc - +ca +cb kc vc c0c c0a c0b - oc +cd +ce +ca kc kc w c1c c1d c1e"},
  //  All disks are restored from a backup of one time.
  {2, "c0a c0b B c1a c1b Ra va = w vb c0a c0b"},
  {3, "c0a c0b B c1a c1b Ra va = w vb vc c0b c0c"},
  {3, "c0a c0b B c1b c1c Ra va - +ba w vb +bc vc c0b c0c"},
  {5, "c0a c0b c0c B c1b c1c c1e Ra va - +ba +ca w +bc +bd w = w c0b c0c c0d"},
  //  b is forced. Then its directory comes back as it was before.
  {3, "ob c0b c0a = Zb vb - ob w c1b c1c"},
  {3, "ob c0b c0a - +ba Zb w +bc vb - ob +bc w c1b c1c"},
  {5, "ob c0b c0c c0d - +ba +bc +be Zb w vb - ob +bd +be w c1b c1d c1e"},
  {4, "ob c0b c0c c0d - +ba +bc Zb w vb - ob +bd +ba w c1b c1d c1a"},
  //  A recovery is cut short, and begins once more.
  {3, "c0b c0a - +ba lb w kb = vb c1b c1c"},
  {5, "c0b c0c - +ba +bd lb w kb +be w c0a c1b c1d c1e = vb c1b"},
};

//  b does not know yet that the cluster has formed, and hears another c than
//  the one that has voted.
const char zseq_scenario_formation[] =
  "c0a c0c c0d - +bc !cb fc w - +ba w - +bc w c1b c1c c1e";

//  Carries out a step that strikes disks or processes. Returns false if the
//  step is none of these.
static bool
s_node_step (zseq_scenario_t *self, char what, uint8_t node)
{
    switch (what) {
    case 'l':
        zseq_scenario_lose (self, node);
        break;
    case 'k':
        zseq_scenario_restart (self, node);
        break;
    case 'F':
        zseq_scenario_put_unformed (self, node);
        break;
    case 'e':
        zseq_scenario_copy (self, node,
                            20 + zseq_sim_cluster_draw (self->cluster, 150));
        break;
    case 'E':
        zseq_scenario_copy (self, node, 0);
        break;
    case 'B':
        (void) zseq_operator_back_up (self->keeper);
        break;
    case 'R':
        zseq_scenario_restore (self, node);
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
        zseq_scenario_put_back (self, node);
        break;
    case 's':
        zseq_scenario_stick (self, node);
        break;
    default:
        return false;
    }
    return true;
}

//  Carries out one step of a script.
static void
s_step (zseq_scenario_t *self, const char *step, uint8_t node, uint8_t peer)
{
    self->steps++;
    if (s_node_step (self, step[0], node))
        return;
    switch (step[0]) {
    case 'c':
        zseq_scenario_send (self, (size_t) (step[1] - '0'), peer);
        break;
    case '-':
        zseq_scenario_close_all (self);
        break;
    case '+':
        zseq_sim_cluster_join (self->cluster, node, peer);
        break;
    case '=':
        zseq_sim_cluster_mend (self->cluster);
        break;
    case '!':
        zseq_sim_cluster_cut (self->cluster, node, peer, ZSEQ_CUT_QUESTIONS);
        break;
    case 'd':
        (void) zseq_operator_double (self->keeper, node);
        break;
    case 'u':
        zseq_sim_cluster_undouble (self->cluster, node,
                                   zseq_sim_cluster_draw (self->cluster, 2));
        break;
    case 'v':
        for (int round = 0; round < 100 && zseq_scenario_state (self, node) !=
                                             ZSEQ_STATE_VOTING;
             round++)
            zseq_scenario_pass (self, ROUND_US);
        break;
    default:
        assert (step[0] == 'w');
        zseq_scenario_pass (
          self, (1 + zseq_sim_cluster_draw (self->cluster, 120)) * ROUND_US);
    }
}

//  Returns the node that a letter of a script stands for.
static uint8_t
s_node (const zseq_scenario_t *self, char letter)
{
    return letter >= 'a' && letter < 'a' + self->n ? self->order[letter - 'a']
                                                   : 0;
}

void
zseq_scenario_follow (zseq_scenario_t *self, const char *text)
{
    bool strays = zseq_sim_cluster_draw (self->cluster, 2);
    self->hello = zseq_sim_cluster_draw (self->cluster, 4) == 0;
    zseq_sim_cluster_say (self->cluster, "script: %s", text);
    while (*text) {
        size_t size = strcspn (text, " ");
        char letter = size > 1 ? text[1] : 0;
        char other = size > 2 ? text[2] : 0;
        s_step (self, text, s_node (self, letter), s_node (self, other));
        text += size;
        text += *text == ' ';
        if (strays && zseq_sim_cluster_draw (self->cluster, 6) == 0) {
            bool hello = self->hello;
            zseq_scenario_random_step (self);
            self->hello = hello;
        }
    }
}

const char *
zseq_scenario_script (zseq_scenario_t *self)
{
    const char *text = NULL;
    uint64_t found = 0;
    for (size_t index = 0; index < sizeof s_scripts / sizeof *s_scripts;
         index++)
        if (s_scripts[index].n == self->n &&
            zseq_sim_cluster_draw (self->cluster, ++found) == 0)
            text = s_scripts[index].text;
    return text;
}
