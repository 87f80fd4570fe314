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
#include <weft/export.hpp>
#include <weft/fasta.hpp>
#include <weft/forecast.hpp>
#include <weft/generate.hpp>
#include <weft/hear.hpp>
#include <weft/inspect.hpp>
#include <weft/model.hpp>
#include <weft/perplexity.hpp>
#include <weft/picture.hpp>
#include <weft/quantize.hpp>
#include <weft/see.hpp>
#include <weft/selftest.hpp>
#include <weft/sequence.hpp>
#include <weft/series.hpp>
#include <weft/tokenizer.hpp>
#include <weft/version.hpp>
