/* SPDX-License-Identifier: BSD-3-Clause */
#include "fwd/drop.h"

static const char *const names[] = {
#define X(symbol, name, sentence) [DROP_##symbol] = name,
	DROP_REASONS(X)
#undef X
};

static const char *const sentences[] = {
#define X(symbol, name, sentence) [DROP_##symbol] = sentence,
	DROP_REASONS(X)
#undef X
};

const char *drop_name(enum drop_reason r)
{
	return names[r];
}

const char *drop_sentence(enum drop_reason r)
{
	return sentences[r];
}
