// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.hpp"
#include "text/split_patterns.hpp"
#include "text/utf8.hpp"
#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <optional>
#include <pcre2.h>

namespace weft::text {
namespace {

constexpr size_t kLongestPattern = 64 * 1024;
constexpr uint32_t kHeapKilobytes = 64 * 1024; // each thread that matched keeps up to this
// Starting points tried in one call, times bytes of text. Between calls the clock is read: PCRE2's own limit counts each starting
// point anew, so that a pattern which fails slowly at each of a million of them would never reach it.
constexpr size_t kWindowWork = size_t(1) << 26;

using Clock = std::chrono::steady_clock;

// What a match needs and cannot be shared between threads; made once a thread.
struct Scratch {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr); // only the whole match is ever asked for
    pcre2_match_context* context = pcre2_match_context_create(nullptr);

    Scratch() {
        if (context) pcre2_set_heap_limit(context, kHeapKilobytes);
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
    std::optional<std::array<bool, 256>> starts; // bytes that a match can begin with, where PCRE2 knows them
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
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(), options, &error, &offset, context);
    pcre2_compile_context_free(context);
    if (!code->code) return refuse(message_of(error));
    // PCRE2's JIT counts too few of its steps, so that \p{L}*\p{L}*z would run for days: only patterns that are known to be linear are compiled so. Where a system
    // forbids it, the interpreter runs.
    if (is_known_split(pattern)) pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);
    const uint8_t* bitmap = nullptr;
    uint32_t kind = 0, first = 0;
    pcre2_pattern_info(code->code, PCRE2_INFO_FIRSTBITMAP, &bitmap);
    pcre2_pattern_info(code->code, PCRE2_INFO_FIRSTCODETYPE, &kind);
    pcre2_pattern_info(code->code, PCRE2_INFO_FIRSTCODEUNIT, &first);
    const bool one = kind == 1 && first < 0x80 && !std::isalpha(int(first)); // of letters PCRE2 does not say whether both cases are meant
    if (bitmap || one) {
        code->starts.emplace();
        for (uint32_t byte = 0; byte < 256; ++byte) (*code->starts)[byte] = one ? byte == first : (bitmap[byte / 8] >> byte % 8 & 1) != 0;
    }
    Regex regex;
    regex.code_ = std::move(code);
    return regex;
}

Result<std::vector<Regex::Span>> Regex::find_all(std::string_view text) const {
    static thread_local Scratch scratch;
    if (!scratch.data || !scratch.context) return Error{ErrorCode::out_of_memory, code_->where + ": no memory for a regular expression", {}};
    // A sane pattern takes a few steps a character: these bounds are for hostile ones.
    const auto steps = uint32_t(std::min<size_t>(size_t(1) << 30, (size_t(1) << 20) + 16 * text.size()));
    pcre2_set_match_limit(scratch.context, steps);
    pcre2_set_depth_limit(scratch.context, steps);
    const auto deadline = Clock::now() + std::chrono::seconds(10 + text.size() / 100'000);
    const auto gave_up = [&](const std::string& why) {
        const std::string what = ": regular expression gave up on " + std::to_string(text.size()) + " bytes of text: ";
        return Error{ErrorCode::unsupported, code_->where + what + why, {}};
    };

    std::vector<Span> spans;
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    constexpr size_t kNone = size_t(-1);
    const size_t window = std::max<size_t>(1, kWindowWork / (text.size() + 1));
    size_t from = 0, last_match_end = kNone;
    const auto can_begin = [&](size_t at) { return (*code_->starts)[static_cast<unsigned char>(text[at])] && (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80; };
    while (from <= text.size()) {
        // PCRE2 looks for the first byte too, but beyond the window, to the end of the text: in each call anew.
        if (code_->starts) {
            while (from < text.size() && !can_begin(from)) ++from;
            if (from == text.size()) break; // no match that begins with a byte is empty
        }
        size_t window_end = std::min(text.size(), from + window);
        pcre2_set_offset_limit(scratch.context, window_end);
        const int rc = pcre2_match(code_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, scratch.data, scratch.context);
        if (rc == PCRE2_ERROR_NOMATCH) {
            if (window_end == text.size()) break;
            if (Clock::now() > deadline) return gave_up("it took too long");
            ++window_end; // the limit itself was tried
            while (window_end < text.size() && (static_cast<unsigned char>(text[window_end]) & 0xc0) == 0x80) ++window_end;
            from = window_end;
            continue;
        }
        if (rc < 0) return gave_up(message_of(rc));
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

} // namespace weft::text
