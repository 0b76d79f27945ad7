//  A planted bug that the power cuts must find: the daemon zseqd-forgetful
//  never syncs what it appends to the journal of its registers. Linked with
//  --wrap=fdatasync.

int __wrap_fdatasync (int fd);

int
__wrap_fdatasync (int fd)
{
    (void) fd;
    return 0;
}
