/* SPDX-License-Identifier: GPL-2.0-only */
#include "variant.h"
#include EXTSPT_AXIS_SOURCE
#include EXTSPT_AXIS_GUARD
