// SPDX-License-Identifier: Apache-2.0
// Public: the version of these headers; the build reads it here, too.
#pragma once

#define weft_VERSION_MAJOR 0
#define weft_VERSION_MINOR 1
#define weft_VERSION_PATCH 0

#define weft_VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define weft_VERSION_TEXT(major, minor, patch) weft_VERSION_TEXT_(major, minor, patch)
/// "0.1.0"
#define weft_VERSION weft_VERSION_TEXT(weft_VERSION_MAJOR, weft_VERSION_MINOR, weft_VERSION_PATCH)
/// Grows with every version: `#if weft_VERSION_NUMBER >= 100` is 0.1.0 or later.
#define weft_VERSION_NUMBER (weft_VERSION_MAJOR * 10000 + weft_VERSION_MINOR * 100 + weft_VERSION_PATCH)
