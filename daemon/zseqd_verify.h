//  zseqd verify: whether a node's directory is intact. See lib/man/zseqd.8.

#ifndef ZSEQD_VERIFY_H_INCLUDED
#define ZSEQD_VERIFY_H_INCLUDED

//  The exit status besides 0 (intact) and 1 (it could not be read).
#define ZSEQD_DAMAGED 2
#define ZSEQD_IN_USE 3

//  Prints on standard output what is damaged, a line each, and a summary;
//  standard error what kept it from looking. Changes nothing. Returns the exit
//  status.
int zseqd_verify (const char *directory);

#endif
