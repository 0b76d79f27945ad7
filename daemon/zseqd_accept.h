//  What a node does with connections when it has no descriptor left.

#ifndef ZSEQD_ACCEPT_H_INCLUDED
#define ZSEQD_ACCEPT_H_INCLUDED

//  Call it before the sockets are opened. log is called once, by another
//  thread, when the first connection is refused.
void zseqd_accept_init (void (*log) (const char *text, void *arg));

#endif
