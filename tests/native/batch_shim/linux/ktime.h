/* SPDX-License-Identifier: GPL-2.0-only */
#include "../batch_shim.h"
