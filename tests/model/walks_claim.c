//  Claims, and the checks of claims that are won: no ID is handed out twice
//  (P1), and a claim that begins after another was won is above it (P2). A
//  client may receive any of the replies that were sent.

#include "walks.h"

void
walks_begin_claim (uint8_t first, uint8_t count)
{
    if (walk.claim_count == CLAIMS_MAX || first + count >= ID_MAX)
        return;
    walks_claim_t *self = &walk.claim[walk.claim_count++];
    self->first = first;
    self->count = count;
    self->floor = walk.top;
    self->won = false;
    self->size = 0;
    TRACE ("  claim %u of [%u, %u)%s\n", walk.claim_count - 1u, first,
           (unsigned) first + count,
           first < walk.top ? ", below one that was won" : "");
}

//  S3, S4: returns whether need of these votes fit in pairs.
static bool
s_clique (const walks_claim_t *claim, uint32_t votes, unsigned need)
{
    if (need == 0)
        return true;
    while ((unsigned) __builtin_popcount (votes) >= need) {
        uint32_t index = (uint32_t) __builtin_ctz (votes);
        votes &= votes - 1;
        if (s_clique (claim, votes & claim->vote[index].fits, need - 1))
            return true;
    }
    return false;
}

//  S4: returns whether a client may count both votes.
static bool
s_fit (const walks_vote_t *a, const walks_vote_t *b)
{
    if (a->node == b->node)
        return false;
    if (walk.broken == CLAIM_UNCHECKED)
        return true;
    return walks_known (&a->vector, b->node) <=
             walks_known (&b->vector, b->node) &&
           walks_known (&b->vector, a->node) <=
             walks_known (&a->vector, a->node);
}

//  Sends a reply. The claim is won if any set of the sent replies would win it.
static void
s_answer (walks_claim_t *claim, uint32_t index)
{
    walks_vote_t *vote = &claim->vote[index];
    vote->state = ANSWERED;
    vote->fits = 0;
    for (uint32_t other = 0; other < claim->size; other++) {
        walks_vote_t *with = &claim->vote[other];
        if (with->state != ANSWERED || !s_fit (vote, with))
            continue;
        vote->fits |= 1u << other;
        with->fits |= 1u << index;
    }
    if (claim->won || !s_clique (claim, vote->fits, walk.w - 1u))
        return;

    claim->won = true;
    walk.sum.won++;
    uint64_t ids = ((1ull << claim->count) - 1) << claim->first;
    TRACE ("  claim %ld is won\n", (long) (claim - walk.claim));
    if (walk.handed_out & ids)
        walk.wrong = "P1: the same ID twice";
    else if (claim->first < claim->floor)
        walk.wrong = "P2: a claim begun after another was won is below it";
    walk.handed_out |= ids;
    if (walk.top < claim->first + claim->count)
        walk.top = (uint8_t) (claim->first + claim->count);
}

void
walks_persist (walks_instance_t *self)
{
    if (self->next == self->disk_next || !self->running)
        return;
    TRACE_OF (self, "next %u on disk", self->next);
    self->disk_next = self->next;
    uint8_t slot = (uint8_t) (self - walk.instance);
    for (uint8_t index = 0; index < walk.claim_count; index++) {
        walks_claim_t *claim = &walk.claim[index];
        for (uint32_t vote = 0; vote < claim->size; vote++)
            if (claim->vote[vote].instance == slot &&
                claim->vote[vote].state == WAITS)
                s_answer (claim, vote);
    }
}

void
walks_drop (const walks_instance_t *self)
{
    uint8_t slot = (uint8_t) (self - walk.instance);
    for (uint8_t index = 0; index < walk.claim_count; index++) {
        walks_claim_t *claim = &walk.claim[index];
        for (uint32_t vote = 0; vote < claim->size; vote++)
            if (claim->vote[vote].instance == slot &&
                claim->vote[vote].state == WAITS)
                claim->vote[vote].instance = INSTANCES_MAX;
    }
}

void
walks_accept (walks_instance_t *self, uint8_t index)
{
    walks_claim_t *claim = &walk.claim[index];
    uint8_t end = (uint8_t) (claim->first + claim->count);
    bool accepts = walk.broken == ACCEPT_HIGHER
                     ? end > self->next
                     : claim->first >= walks_least_next (self);
    //  A claim that is won could only raise next, which is never less safe.
    if (!accepts || !walks_votes (self) || claim->won ||
        claim->size == VOTES_MAX)
        return;  //  S1
    uint8_t slot = (uint8_t) (self - walk.instance);
    if (walk.current[self->node] != slot)
        walk.sum.old_votes++;
    self->next = end;
    walks_vote_t *vote = &claim->vote[claim->size++];
    vote->instance = slot;
    vote->node = self->node;
    vote->state = WAITS;
    vote->vector = self->memory.incarnation;
    TRACE_OF (self, "accepts claim %u", index);
}
