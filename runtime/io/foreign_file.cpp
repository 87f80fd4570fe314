// SPDX-License-Identifier: Apache-2.0
#include "io/foreign_file.hpp"
#include <algorithm>
#include <string>
#include <string_view>

namespace weft::detail {
namespace {

constexpr size_t kLeastText = 4, kMostText = 32, kMostBytes = 8; // that a message shows

struct Foreign {
    std::string_view begin; // in lower case
    const char* meaning;
};
constexpr const char* kPage = "a web page, which a download brought in the file's place: its address is not the "
                              "file's, or needs a login";
constexpr Foreign kForeign[] = {
    {"version https://git-lfs", "a Git LFS pointer and not the file itself, which 'git lfs pull' fetches"},
    {"<!doctype", kPage},
    {"<html", kPage},
    {"<?xml", kPage},
    {"gguf", "a GGUF file"},
    {"pk\x03\x04", "a zip archive, as PyTorch's own files are; weft reads safetensors and GGUF"},
    {"\x1f\x8b", "an archive packed by gzip, to be unpacked first"}};

bool printable(char c) { return c >= 0x20 && c < 0x7f; }

// The text that bytes begin with; a few of them in hexadecimal where that is no text.
std::string beginning(std::string_view bytes) {
    const auto text = bytes.substr(0, size_t(std::ranges::find_if_not(bytes, printable) - bytes.begin()));
    const bool readable = text.size() >= kLeastText;
    std::string shown;
    for (const char c : readable ? text.substr(0, kMostText) : bytes.substr(0, kMostBytes)) {
        const auto byte = static_cast<unsigned char>(c);
        if (printable(c)) shown += c;
        else (shown += "\\x") += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    }
    return "'" + shown + "'";
}

} // namespace

Error not_a_file_of(const char* kind, std::span<const std::byte> bytes) {
    const std::string is_no = std::string("is no ") + kind + " file: ";
    if (bytes.empty()) return malformed(is_no + "it is empty, 0 bytes, as an interrupted download leaves it");
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::string message = is_no + "it begins with " + beginning(text) + ", not with a header";
    constexpr std::string_view kIgnored = "\xef\xbb\xbf \t\r\n"; // a byte order mark, white space
    const std::string_view begin = text.substr(std::min(text.find_first_not_of(kIgnored), text.size()));
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    for (const Foreign& f : kForeign)
        if (std::ranges::equal(begin.substr(0, f.begin.size()), f.begin, {}, lower))
            return malformed(message + ", so it is " + f.meaning);
    return malformed(message);
}

} // namespace weft::detail
