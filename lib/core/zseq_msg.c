#include "zseq_msg.h"

bool
zseq_msg_has_body (zseq_op_t op, int status)
{
    if (op == ZSEQ_OP_CLAIM &&
        (status == ZSEQ_ECONFLICT || status == ZSEQ_EEXHAUSTED))
        return true;
    return status == ZSEQ_OK;
}
