// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.hpp"
#include <algorithm>

namespace weft::detail {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kMostParts = 99999; // five digits
constexpr std::string_view kNumber = "split.no", kCount = "split.count", kTensors = "split.tensors.count";

std::string five_digits(uint32_t n) {
    const std::string digits = std::to_string(n);
    return std::string(5 - digits.size(), '0') + digits;
}

// "-00002-of-00005", and the extension that all parts have.
std::string ending(uint32_t number, uint32_t count, const fs::path& extension) {
    return "-" + five_digits(number) + "-of-" + five_digits(count) + extension.string();
}

Result<uint32_t> part_count(const GgufFile& file) {
    // 0 as well as 1 means a file that was never split.
    weft_ASSIGN(const int64_t count, file.metadata().integer_or(kCount, 0));
    if (count < 0 || count > kMostParts)
        return file.metadata().bad(kCount, "must be below 100000, is " + std::to_string(count));
    return uint32_t(std::max<int64_t>(1, count));
}

// Part `number` of `count`, as its metadata must say.
Status check_part(const GgufFile& file, uint32_t number, uint32_t count) {
    weft_ASSIGN(const uint32_t parts, part_count(file));
    if (parts != count)
        return file.metadata().bad(kCount, "must be " + std::to_string(count) + " as in the first part, is " +
                                               std::to_string(parts));
    weft_ASSIGN(const int64_t no, file.metadata().integer(kNumber));
    if (no != int64_t(number) - 1)
        return file.metadata().bad(kNumber, "must be " + std::to_string(number - 1) + " in part " +
                                                std::to_string(number) + ", is " + std::to_string(no));
    return Ok{};
}

Status check_tensors(const std::vector<GgufFile>& files) {
    size_t total = 0;
    for (const GgufFile& file : files) total += file.tensors().size();
    weft_ASSIGN(const int64_t expected, files[0].metadata().integer_or(kTensors, int64_t(total)));
    if (expected != int64_t(total))
        return files[0].metadata().bad(kTensors, "is " + std::to_string(expected) + ", but the parts hold " +
                                                     std::to_string(total) + " tensors");
    std::vector<std::pair<std::string_view, const GgufFile*>> names;
    for (const GgufFile& file : files)
        for (const TensorView& tensor : file.tensors()) names.emplace_back(tensor.name, &file);
    std::sort(names.begin(), names.end());
    const auto twice =
        std::adjacent_find(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twice != names.end())
        return Error{ErrorCode::malformed,
                     twice->second->origin() + ": tensor " + in_quotes(twice->first) + ": is in " +
                         (twice + 1)->second->origin() + " too",
                     {}};
    return Ok{};
}

} // namespace

Result<std::vector<GgufFile>> open_gguf_parts(const fs::path& path) {
    weft_ASSIGN(GgufFile given, GgufFile::open(path));
    weft_ASSIGN(const uint32_t count, part_count(given));
    std::vector<GgufFile> files;
    if (count == 1) {
        files.push_back(std::move(given));
        return files;
    }
    weft_ASSIGN(const int64_t no, given.metadata().integer(kNumber));
    if (no < 0 || no >= int64_t(count))
        return given.metadata().bad(kNumber, "must be below " + std::to_string(count) + ", is " + std::to_string(no));
    const fs::path extension = has_extension(path, ".gguf") ? path.extension() : ".gguf";
    const std::string name = path.filename().string(), own = ending(uint32_t(no) + 1, count, extension);
    if (!name.ends_with(own) || name.size() == own.size())
        return Error{ErrorCode::not_found,
                     path.string() + ": is part " + std::to_string(no + 1) + " of " + std::to_string(count) +
                         "; to find the others its name must end in '" + own + "'",
                     {}};
    const std::string stem = name.substr(0, name.size() - own.size());
    Error missing{ErrorCode::not_found, "", {}};
    std::error_code ignored;
    for (uint32_t number = 1; number <= count && missing.reasons.size() < 20; ++number) {
        const fs::path part = path.parent_path() / (stem + ending(number, count, extension));
        if (fs::exists(part, ignored)) continue;
        if (missing.message.empty())
            missing.message =
                part.string() + ": the part is missing; " + path.string() + " is one of " + std::to_string(count);
        missing.reasons.push_back(in_quotes(part.filename().string()) + " is missing");
    }
    if (!missing.message.empty()) return missing;
    for (uint32_t number = 1; number <= count; ++number) {
        weft_ASSIGN(GgufFile file, GgufFile::open(path.parent_path() / (stem + ending(number, count, extension))));
        weft_TRY(check_part(file, number, count));
        files.push_back(std::move(file));
    }
    weft_TRY(check_tensors(files));
    return files;
}

} // namespace weft::detail
