// SPDX-License-Identifier: Apache-2.0
// L6: one continuation of a session's sequence, piece by piece: the prompt is fed,
// then tokens are sampled until an end.
#pragma once
#include "schedule/session.hpp"
#include <limits>
#include <weft/generate.hpp>

namespace weft::detail {

/// A sampler's row on the device; fails on options that break their rules.
Result<kernel::SamplerRow> sampler_row(const SamplingOptions& sampling, bool stops);

/// Works on slot 0. The session must outlive it and be left alone meanwhile.
class Continuation {
public:
    /// Begins to feed `prompt`, not empty, behind what the sequence has.
    static Result<Continuation> begin(Session& session, std::span<const uint32_t> prompt,
                                      const GenerateOptions& options);

    /// Works for about `budget_ms`, at least for one submission; new tokens are appended to `tokens`. True when there
    /// will be none any more: an end token came (it is not among them), or the most tokens, or the context is full. An
    /// error leaves the sequence in pieces. Logits that are not finite are one, of the call behind the one that gave
    /// the last token before them.
    Result<bool> advance(double budget_ms, std::vector<uint32_t>& tokens);

    bool prompt_is_fed() const { return fed_; }
    const GenerateStats& stats() const { return stats_; }
    /// What the sequence has taken in of its own tokens: all but the last that was sampled.
    const std::vector<uint32_t>& own() const { return own_; }

private:
    Continuation(Session& session, const GenerateOptions& options) : session_(&session), options_(options) {}
    Error not_finite() const;
    bool take(uint32_t id, std::vector<uint32_t>& tokens);

    Session* session_;
    GenerateOptions options_;
    GenerateStats stats_;
    std::vector<uint32_t> own_;
    std::vector<std::vector<uint32_t>> sampled_;
    uint32_t decoded_ = 0;
    double waited_ms_ = 0;
    bool fed_ = false;
};

constexpr double kWithoutLimit = std::numeric_limits<double>::infinity();

} // namespace weft::detail
