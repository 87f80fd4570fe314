// SPDX-License-Identifier: Apache-2.0
// L0: files: memory-mapped reading, whole-file reading with a limit, atomic writing.
#pragma once
#include "base/result.hpp"
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace weft::detail {

/// A read-only mapping of a whole file. Move-only; the bytes live as long as it does.
/// A file that another program shortens while it is mapped ends in SIGBUS on POSIX, as with every mapping.
class MappedFile {
public:
    static Result<MappedFile> open(const std::filesystem::path& path);
    MappedFile() = default;
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();

    std::span<const std::byte> bytes() const { return {data_, size_}; }
    /// Advice on a part of bytes(), and nothing for others: it is read now, so that it is fetched at once and not page
    /// by page; it is not read for now, so that it takes no memory of the process.
    void read_now(std::span<const std::byte> part) const;
    void let_go(std::span<const std::byte> part) const;

private:
    bool holds(std::span<const std::byte> part) const {
        return !part.empty() && part.data() >= data_ && part.data() + part.size() <= data_ + size_;
    }

    const std::byte* data_ = nullptr;
    size_t size_ = 0;
};

/// True if the path ends in `extension` (".json"), in whatever case.
bool has_extension(const std::filesystem::path& path, std::string_view extension);

/// Reads a text or small binary file. Fails if it is larger than `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, size_t limit = size_t(256) << 20);

/// A file that appears under its name only when it is whole: written under another name beside it, renamed by
/// commit(), removed if that is never called. Move-only.
class AtomicFile {
public:
    static Result<AtomicFile> create(const std::filesystem::path& path);
    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&&) = delete;
    ~AtomicFile();

    /// Where it is until commit().
    const std::string& temporary() const { return temporary_; }
    /// Appends.
    Status write(std::span<const std::byte> bytes);
    /// Goes back to the beginning and writes.
    Status rewrite(std::span<const std::byte> bytes);
    /// The length that it will have; what is not written yet reads as zeros.
    Status resize(uint64_t bytes);
    Status commit();

private:
    AtomicFile(std::filesystem::path path, std::string temporary, int fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
    std::filesystem::path path_;
    std::string temporary_;
    int fd_ = -1;
};

/// Writes `bytes` to a temporary file beside `path`, then renames it into place: readers see the
/// old file or the new one, never a part.
Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

} // namespace weft::detail
