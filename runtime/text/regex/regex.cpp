// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex/regex.hpp"
#include "text/regex/split_patterns.hpp"
#include "unicode/utf8.hpp"
#include <algorithm>
#include <chrono>
#include <optional>
#include <pcre2.h>

namespace weft::detail::text {
namespace {

constexpr size_t kLongestPattern = 64 * 1024;
// A repeated group takes a frame of some 250 bytes a character: a long text may hold a word of two million.
// Each thread keeps what short texts took.
constexpr uint32_t kHeapKilobytes = 64 * 1024, kHeapKilobytesLong = 512 * 1024;
constexpr size_t kLongText = 64 * 1024;
// Starting points tried in one call, and the product of these and the bytes ahead. Between calls the clock is read:
// PCRE2's own limit counts each starting point anew, so that a pattern which fails slowly at
// each of a million of them would never reach it.
constexpr size_t kWindow = 1024, kWindowWork = size_t(1) << 26;
// PCRE2 looks for a possible first byte up to the end of what it is given, in each call. So it is given this much
// beyond the starting points, and only if matching runs into that end (or out of steps), kReachGrowth times as much:
// then the search costs no more than matching did.
constexpr size_t kReach = 4096, kReachGrowth = 8;

using Clock = std::chrono::steady_clock;

// What a match needs and cannot be shared between threads.
struct Scratch {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr); // only the whole match is ever asked for
    pcre2_match_context* context = pcre2_match_context_create(nullptr);

    explicit Scratch(uint32_t heap_kilobytes) {
        if (context) pcre2_set_heap_limit(context, heap_kilobytes);
    }
    ~Scratch() {
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
};

std::string message_of(int code) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(code, text, sizeof text);
    return reinterpret_cast<const char*>(text);
}

} // namespace

struct Regex::Code {
    pcre2_code* code = nullptr;
    std::string where;
    ~Code() { pcre2_code_free(code); }
};

Result<Regex> Regex::compile(std::string_view pattern, const std::string& where) {
    const auto refuse = [&](const std::string& why) {
        return Error{ErrorCode::unsupported, where + ": regular expression is not supported: " + why, {}};
    };
    if (pattern.size() > kLongestPattern) return refuse("longer than 64 KiB");
    auto translated = pcre2_from_oniguruma(pattern);
    if (!translated) return refuse(translated.error().message);
    auto code = std::make_shared<Code>();
    code->where = where;
    pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
    if (!context) return Error{ErrorCode::out_of_memory, where + ": no memory for a regular expression", {}};
    pcre2_set_newline(context, PCRE2_NEWLINE_LF); // for Oniguruma a line ends at \n alone
    pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
    int error = 0;
    PCRE2_SIZE offset = 0;
    const uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C;
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(), options, &error,
                               &offset, context);
    pcre2_compile_context_free(context);
    if (!code->code) return refuse(message_of(error));
    // PCRE2's JIT counts too few of its steps, so that \p{L}*\p{L}*z would run for days: only patterns that are known
    // to be linear are compiled so. Where a system forbids it, the interpreter runs.
    if (is_known_split(pattern)) pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    Regex regex;
    regex.code_ = std::move(code);
    return regex;
}

Result<std::vector<Regex::Span>> Regex::find_all(std::string_view text) const {
    static thread_local Scratch kept(kHeapKilobytes);
    std::optional<Scratch> own;
    const Scratch& scratch = text.size() > kLongText ? own.emplace(kHeapKilobytesLong) : kept;
    if (!scratch.data || !scratch.context)
        return Error{ErrorCode::out_of_memory, code_->where + ": no memory for a regular expression", {}};
    const auto deadline = Clock::now() + std::chrono::seconds(10 + text.size() / 100'000);
    const auto gave_up = [&](const std::string& why) {
        const std::string what = ": regular expression gave up on " + std::to_string(text.size()) + " bytes of text: ";
        return Error{ErrorCode::unsupported, code_->where + what + why, {}};
    };
    const auto character_end = [&](size_t at) {
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
        return at;
    };

    std::vector<Span> spans;
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    constexpr size_t kNone = size_t(-1);
    size_t from = 0, last_match_end = kNone, reach = kReach;
    while (from <= text.size()) {
        const size_t window_end = std::min(text.size(), from + std::clamp<size_t>(kWindowWork / reach, 1, kWindow));
        const size_t given = character_end(std::min(text.size(), window_end + reach));
        // A sane pattern takes a few steps a character: these bounds are for hostile ones.
        const auto steps = uint32_t(
            std::min<size_t>(size_t(1) << 30, (size_t(1) << 20) + 16 * (given == text.size() ? given : given - from)));
        pcre2_set_match_limit(scratch.context, steps);
        pcre2_set_depth_limit(scratch.context, steps);
        pcre2_set_offset_limit(scratch.context, window_end);
        const uint32_t options = PCRE2_NO_UTF_CHECK | (given == text.size() ? 0 : PCRE2_PARTIAL_HARD);
        const int rc = pcre2_match(code_->code, subject, given, from, options, scratch.data, scratch.context);
        const bool cut_short =
            rc == PCRE2_ERROR_PARTIAL || rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT;
        if (rc == PCRE2_ERROR_NOMATCH || (cut_short && given < text.size())) {
            if (Clock::now() > deadline) return gave_up("it took too long");
            if (rc != PCRE2_ERROR_NOMATCH) {
                reach *= kReachGrowth;
                continue;
            }
            if (window_end == text.size()) break;
            from = character_end(window_end + 1); // the limit itself was tried
            reach = kReach;
            continue;
        }
        if (rc < 0) return gave_up(message_of(rc));
        reach = kReach;
        const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data);
        const size_t begin = ends[0], end = ends[1];
        if (end < begin) return gave_up("a match ends before it begins"); // \K in a lookahead
        if (begin == end && end == last_match_end) {
            if (from == text.size()) break;
            from += code_point_at(text, from).bytes;
            continue;
        }
        if (begin < from) return gave_up("a match begins in the one before it"); // \K in a lookbehind
        spans.push_back({begin, end});
        from = last_match_end = end;
        if ((spans.size() & 1023) == 0 && Clock::now() > deadline) return gave_up("it took too long");
    }
    return spans;
}

} // namespace weft::detail::text
