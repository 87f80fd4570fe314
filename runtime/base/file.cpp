// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include "base/os.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weft::detail {
namespace {

Error os_error(const std::filesystem::path& path, const char* what, int code) {
    return {code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
            path.string() + ": " + what + ": " + std::strerror(code),
            {}};
}

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) os::close(fd);
    }
};

Result<size_t> regular_file_size(const std::filesystem::path& path, int fd) {
    os::FileInfo info;
    if (!os::inform(fd, info)) return os_error(path, "cannot read its size", errno);
    if (!info.regular) return Error{ErrorCode::invalid_argument, path.string() + ": not a regular file", {}};
    return size_t(info.size);
}

} // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    Descriptor file{os::open_to_read(path)};
    if (file.fd < 0) return os_error(path, "cannot open", errno);
    weft_ASSIGN(const size_t size, regular_file_size(path, file.fd));
    MappedFile mapped;
    if (size == 0) return mapped; // there is no mapping of nothing
    mapped.data_ = os::map(file.fd, size);
    if (!mapped.data_) return os_error(path, "cannot map", errno);
    mapped.size_ = size;
    return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile() {
    if (data_) os::unmap(data_, size_);
}

void MappedFile::read_now(std::span<const std::byte> part) const {
    if (holds(part)) os::read_now(part);
}

void MappedFile::let_go(std::span<const std::byte> part) const {
    if (holds(part)) os::let_go(part);
}

bool has_extension(const std::filesystem::path& path, std::string_view extension) {
    const std::string own = path.extension().string();
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return std::ranges::equal(own, extension, {}, lower, lower);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t limit) {
    Descriptor file{os::open_to_read(path)};
    if (file.fd < 0) return os_error(path, "cannot open", errno);
    weft_ASSIGN(const size_t size, regular_file_size(path, file.fd));
    if (size > limit)
        return Error{ErrorCode::malformed,
                     path.string() + ": " + std::to_string(size) + " bytes, more than the limit of " +
                         std::to_string(limit) + " for this kind of file",
                     {}};
    std::string text(size, '\0');
    for (size_t done = 0; done < size;) {
        const int64_t n = os::read(file.fd, text.data() + done, size - done);
        if (n < 0) return os_error(path, "cannot read", errno);
        if (n == 0) return Error{ErrorCode::io, path.string() + ": became shorter while it was read", {}};
        done += size_t(n);
    }
    return text;
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
    std::string temporary = path.string();
    const int fd = os::create_temporary(temporary);
    if (fd < 0) return os_error(temporary, "cannot create", errno);
    return AtomicFile(path, std::move(temporary), fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
    if (fd_ >= 0) os::close(fd_);
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
    for (size_t done = 0; done < bytes.size();) {
        const int64_t n = os::write(fd_, bytes.data() + done, bytes.size() - done);
        if (n <= 0) return os_error(path_, "cannot write", errno);
        done += size_t(n);
    }
    return Ok{};
}

Status AtomicFile::rewrite(std::span<const std::byte> bytes) {
    if (!os::rewind(fd_)) return os_error(path_, "cannot write", errno);
    return write(bytes);
}

Status AtomicFile::resize(uint64_t bytes) {
    if (!os::resize(fd_, bytes)) return os_error(path_, "cannot write", errno);
    return Ok{};
}

Status AtomicFile::commit() {
    // A crash after the rename could leave an empty file under the final name otherwise.
    if (!os::settle(fd_)) return os_error(path_, "cannot write", errno);
    os::close(std::exchange(fd_, -1)); // Windows renames no open file
    std::error_code failed;
    std::filesystem::rename(temporary_, path_, failed);
    if (failed) return os_error(path_, "cannot rename into place", failed.default_error_condition().value());
    temporary_.clear();
    return Ok{};
}

Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    weft_ASSIGN(AtomicFile file, AtomicFile::create(path));
    weft_TRY(file.write(bytes));
    return file.commit();
}

} // namespace weft::detail
