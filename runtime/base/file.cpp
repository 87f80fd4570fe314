// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace weft::detail {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for a writer; the check for a regular file comes after.
Error os_error(const std::filesystem::path& path, const char* what, int code) {
    return {code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
            path.string() + ": " + what + ": " + std::strerror(code),
            {}};
}

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Result<size_t> regular_file_size(const std::filesystem::path& path, int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return os_error(path, "cannot read its size", errno);
    if (!S_ISREG(info.st_mode)) return Error{ErrorCode::invalid_argument, path.string() + ": not a regular file", {}};
    return size_t(info.st_size);
}

} // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) return os_error(path, "cannot open", errno);
    weft_ASSIGN(const size_t size, regular_file_size(path, file.fd));
    MappedFile mapped;
    if (size == 0) return mapped; // mmap refuses a length of 0
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (data == MAP_FAILED) return os_error(path, "cannot map", errno);
    mapped.data_ = static_cast<const std::byte*>(data);
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
    if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {

// The pages of a part of a mapping: all that it touches, or those that are wholly its own.
std::span<std::byte> pages_of(std::span<const std::byte> part, bool whole) {
    static const auto page = uintptr_t(::sysconf(_SC_PAGESIZE));
    const auto begin = uintptr_t(part.data()), end = begin + part.size();
    const uintptr_t first = (whole ? begin + page - 1 : begin) / page * page, last = whole ? end / page * page : end;
    return {reinterpret_cast<std::byte*>(first), last > first ? last - first : 0};
}

} // namespace

void MappedFile::read_now(std::span<const std::byte> part) const {
    if (!holds(part)) return;
    const auto pages = pages_of(part, false);
#ifdef MADV_POPULATE_READ
    if (::madvise(pages.data(), pages.size(), MADV_POPULATE_READ) == 0) return;
#endif
    (void)::madvise(pages.data(), pages.size(), MADV_WILLNEED);
}

void MappedFile::let_go(std::span<const std::byte> part) const {
    if (!holds(part)) return;
    const auto pages = pages_of(part, true);
    if (!pages.empty()) (void)::madvise(pages.data(), pages.size(), MADV_DONTNEED);
}

bool has_extension(const std::filesystem::path& path, std::string_view extension) {
    const std::string own = path.extension().string();
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
    return std::ranges::equal(own, extension, {}, lower, lower);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t limit) {
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) return os_error(path, "cannot open", errno);
    weft_ASSIGN(const size_t size, regular_file_size(path, file.fd));
    if (size > limit)
        return Error{ErrorCode::malformed,
                     path.string() + ": " + std::to_string(size) + " bytes, more than the limit of " +
                         std::to_string(limit) + " for this kind of file",
                     {}};
    std::string text(size, '\0');
    for (size_t done = 0; done < size;) {
        const ssize_t n = ::read(file.fd, text.data() + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return os_error(path, "cannot read", errno);
        if (n == 0) return Error{ErrorCode::io, path.string() + ": became shorter while it was read", {}};
        done += size_t(n);
    }
    return text;
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
    std::string temporary = path.string() + ".XXXXXX";
    const int fd = ::mkstemp(temporary.data());
    if (fd < 0) return os_error(temporary, "cannot create", errno);
    return AtomicFile(path, std::move(temporary), fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return os_error(path_, "cannot write", errno);
        done += size_t(n);
    }
    return Ok{};
}

Status AtomicFile::rewrite(std::span<const std::byte> bytes) {
    if (::lseek(fd_, 0, SEEK_SET) != 0) return os_error(path_, "cannot write", errno);
    return write(bytes);
}

Status AtomicFile::resize(uint64_t bytes) {
    if (::ftruncate(fd_, off_t(bytes)) != 0) return os_error(path_, "cannot write", errno);
    return Ok{};
}

Status AtomicFile::commit() {
    const mode_t mask = ::umask(0); // mkstemp gives 0600; a file made by open() would have these rights
    ::umask(mask);
    (void)::fchmod(fd_, 0666 & ~mask);
    // Without the sync, a crash after the rename can leave an empty file under the final name.
    if (::fsync(fd_) != 0) return os_error(path_, "cannot write", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return os_error(path_, "cannot rename into place", errno);
    ::close(std::exchange(fd_, -1));
    return Ok{};
}

Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    weft_ASSIGN(AtomicFile file, AtomicFile::create(path));
    weft_TRY(file.write(bytes));
    return file.commit();
}

} // namespace weft::detail
