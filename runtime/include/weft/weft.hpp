// SPDX-License-Identifier: Apache-2.0
// Public: all of weft's C++ face.
#pragma once
#include <weft/bench.hpp>
#include <weft/chat.hpp>
#include <weft/chat_template.hpp>
#include <weft/check.hpp>
#include <weft/device.hpp>
#include <weft/embed.hpp>
#include <weft/error.hpp>
#include <weft/inspect.hpp>
#include <weft/quantize.hpp>
#include <weft/text.hpp>
#include <weft/tokenizer.hpp>
