//  What these files say to people. See lib/README.md, "Texts for people".

#ifndef ZSEQ_SYS_TEXTS_H_INCLUDED
#define ZSEQ_SYS_TEXTS_H_INCLUDED

//  What failed, or was done.
#define ZSEQ_SYS_TEXTS(X)                                                      \
    X (CLIENT_DESTROYED, "the client was destroyed")                           \
    X (CLIENT_FORKED,                                                          \
       "this client was made before fork (): make a new one in the child")

#define X(name, text) static const char ZSEQ_TEXT_##name[] = text;
ZSEQ_SYS_TEXTS (X)
#undef X

#endif
