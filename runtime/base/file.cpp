// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for a writer; the check for a regular file comes after.
Error os_error(const std::filesystem::path& path, const char* what, int code) {
    return {code == ENOENT ? ErrorCode::not_found : ErrorCode::io, path.string() + ": " + what + ": " + std::strerror(code), {}};
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

Result<std::string> read_file(const std::filesystem::path& path, size_t limit) {
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) return os_error(path, "cannot open", errno);
    weft_ASSIGN(const size_t size, regular_file_size(path, file.fd));
    if (size > limit)
        return Error{ErrorCode::malformed, path.string() + ": " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(limit) + " for this kind of file", {}};
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

Status write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::string temporary = path.string() + ".XXXXXX";
    Descriptor file{::mkstemp(temporary.data())};
    if (file.fd < 0) return os_error(temporary, "cannot create", errno);
    const auto fail = [&](const char* what) {
        const int code = errno;
        ::unlink(temporary.c_str());
        return os_error(path, what, code);
    };
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::write(file.fd, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail("cannot write");
        done += size_t(n);
    }
    const mode_t mask = ::umask(0); // mkstemp gives 0600; a file made by open() would have these rights
    ::umask(mask);
    (void)::fchmod(file.fd, 0666 & ~mask);
    // Without the sync, a crash after the rename can leave an empty file under the final name.
    if (::fsync(file.fd) != 0) return fail("cannot write");
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("cannot rename into place");
    return Ok{};
}

} // namespace weft
