//  What a node does with connections when it has no descriptor left.

#ifndef ZSEQD_ACCEPT_H_INCLUDED
#define ZSEQD_ACCEPT_H_INCLUDED

//  Call it before the sockets are opened.
void zseqd_accept_init (void);

#endif
