/* SPDX-License-Identifier: GPL-2.0-only */
/* No boundary: a direct call across files. */
#ifndef EXTSPT_VENDOR_CALL_DIRECT_H
#define EXTSPT_VENDOR_CALL_DIRECT_H

#define vendor_call(op, ...)	tdx_##op(__VA_ARGS__)
#define VENDOR_CALL_DEFINE(op)
#define VENDOR_CALL_TABLE

static inline void vendor_call_init(void)
{
}

#endif /* EXTSPT_VENDOR_CALL_DIRECT_H */
