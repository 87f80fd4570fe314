// SPDX-License-Identifier: Apache-2.0
// L6: perplexity and bits per byte of a text.
#include "pipelines/model_state.hpp"
#include "pipelines/tasks.hpp"
#include <algorithm>
#include <bit>
#include <cmath>
#include <weft/perplexity.hpp>

namespace weft {
using namespace detail;

double Perplexity::perplexity() const { return tokens ? std::exp(nats / double(tokens)) : 0; }
double Perplexity::bits_per_byte() const { return bytes ? nats / std::log(2.0) / double(bytes) : 0; }

Result<Perplexity> measure_perplexity(const Model& model, std::string_view text, const PerplexityOptions& options) try {
    const ModelState& state = Access::state(model);
    weft_TRY(check_continues(state.schedule(), "perplexity"));
    if (!state.tokenizer) return Error{ErrorCode::not_found, "perplexity needs a tokenizer", {}};
    weft_ASSIGN(const auto ids, state.tokenizer->encode(text, false));
    weft_ASSIGN(const auto made, make_session(model, options.sequence));
    Session& session = *made;
    const uint32_t vocabulary = state.schedule().vocabulary;
    // Logits of all tokens of a step are held: the step is cut so that they fit one buffer.
    const uint64_t rows = state.loaded->device.limits().storage_range / (uint64_t(vocabulary) * 4);
    const uint32_t largest = uint32_t(std::min<uint64_t>(
        session.options().max_chunk, uint64_t(1) << (63 - std::countl_zero(std::max<uint64_t>(rows, 1)))));
    uint32_t window = options.window;
    if (window == 0 || window > session.options().context) window = session.options().context;
    if (window < 2) return Error{ErrorCode::invalid_argument, "a window needs at least 2 tokens", {}};
    if (ids.size() < 2)
        return Error{ErrorCode::invalid_argument,
                     "the text has " + std::to_string(ids.size()) + " tokens; perplexity needs at least 2",
                     {}};
    Perplexity p;
    p.bytes = text.size();
    // A window begins with the last token of the one before: every token but the text's first is scored, and once.
    for (size_t begin = 0; begin + 1 < ids.size(); begin += window - 1) {
        const std::span<const uint32_t> all(ids);
        const auto part = all.subspan(begin, std::min<size_t>(window, ids.size() - begin));
        session.reset(0);
        for (size_t at = 0; at < part.size(); at += largest) {
            const Feed feed{0, part.subspan(at, std::min<size_t>(largest, part.size() - at)), uint32_t(part.size())};
            weft_TRY(session.forward({&feed, 1}, Want::all));
            // Each row is asked for the token behind its own; that behind the window's last is the next window's.
            const size_t scored = std::min(feed.ids.size(), part.size() - at - 1);
            std::vector<uint32_t> targets(feed.ids.size(), kernel::kNoToken);
            std::ranges::copy(part.subspan(at + 1, scored), targets.begin());
            weft_ASSIGN(const auto nats, session.score(targets));
            for (size_t i = 0; i < scored; ++i) {
                if (std::isnan(nats[i]))
                    return Error{ErrorCode::not_finite,
                                 "the logits behind token " + std::to_string(begin + at + i + 1) +
                                     " of the text are not finite: the next one cannot be scored",
                                 {}};
                p.nats += double(nats[i]);
                ++p.tokens;
            }
            if (options.progress &&
                !options.progress({Progress::Stage::prefill, begin + at + feed.ids.size(), ids.size()}))
                return Error{ErrorCode::cancelled, "stopped", {}};
        }
    }
    return p;
}
weft_CATCH

} // namespace weft
