// SPDX-License-Identifier: Apache-2.0
// Public: what the shared library shows. Everything else in it is hidden; names in weft::detail are no one's to use.
#pragma once

#define weft_API __attribute__((visibility("default")))
