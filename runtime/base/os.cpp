// SPDX-License-Identifier: Apache-2.0
#include "base/os.hpp"
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <io.h>
#include <random>
#include <windows.h>
#else
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
#endif

namespace weft::detail::os {

#ifdef _WIN32

namespace {

constexpr size_t kMostAtOnce = size_t(1) << 30; // of read and write, which count in int

// As CommandLineToArgvW takes it apart: backslashes count only in front of a quote.
std::wstring quoted(const std::wstring& argument) {
    std::wstring text = L"\"";
    size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'"') text.append(backslashes + 1, L'\\');
        backslashes = c == L'\\' ? backslashes + 1 : 0;
        text += c;
    }
    return text.append(backslashes, L'\\') + L'"';
}

} // namespace

int open_to_read(const std::filesystem::path& path) {
    return ::_wopen(path.c_str(), _O_RDONLY | _O_BINARY | _O_NOINHERIT);
}

int create_temporary(std::string& name) {
    std::random_device random;
    for (int attempt = 0;; ++attempt) {
        std::string tried = name + ".";
        for (int i = 0; i < 6; ++i) tried += char('a' + random() % 26);
        const int file = ::_wopen(std::filesystem::path(tried).c_str(),
                                  _O_RDWR | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE);
        if (file < 0 && errno == EEXIST && attempt < 100) continue;
        name = std::move(tried);
        return file;
    }
}

bool inform(int file, FileInfo& info) {
    struct _stat64 s {};
    if (::_fstat64(file, &s) != 0) return false;
    info = {(s.st_mode & _S_IFMT) == _S_IFREG, uint64_t(s.st_size)};
    return true;
}

int64_t read(int file, void* to, size_t size) { return ::_read(file, to, unsigned(std::min(size, kMostAtOnce))); }
int64_t write(int file, const void* from, size_t size) {
    return ::_write(file, from, unsigned(std::min(size, kMostAtOnce)));
}
bool rewind(int file) { return ::_lseeki64(file, 0, SEEK_SET) == 0; }
bool resize(int file, uint64_t size) { return ::_chsize_s(file, int64_t(size)) == 0; }
bool settle(int file) { return ::_commit(file) == 0; }
void close(int file) { ::_close(file); }

const std::byte* map(int file, size_t size) {
    const HANDLE mapping = ::CreateFileMappingW(HANDLE(::_get_osfhandle(file)), nullptr, PAGE_READONLY, 0, 0, nullptr);
    const void* data = mapping ? ::MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size) : nullptr;
    if (mapping) ::CloseHandle(mapping); // the view keeps it
    if (!data) errno = ENOMEM;
    return static_cast<const std::byte*>(data);
}
void unmap(const std::byte* data, size_t) { ::UnmapViewOfFile(data); }
void read_now(std::span<const std::byte> part) {
    WIN32_MEMORY_RANGE_ENTRY range{const_cast<std::byte*>(part.data()), part.size()};
    ::PrefetchVirtualMemory(::GetCurrentProcess(), 1, &range, 0);
}
void let_go(std::span<const std::byte> part) {
    ::VirtualUnlock(const_cast<std::byte*>(part.data()), part.size()); // what is not locked leaves the working set
}

std::filesystem::path cache_dir() {
    const wchar_t* local = ::_wgetenv(L"LOCALAPPDATA");
    return local && *local ? std::filesystem::path(local) : std::filesystem::path();
}

int run(const std::vector<std::string>& command, int errors) {
    std::wstring line;
    for (const std::string& argument : command)
        line += (line.empty() ? L"" : L" ") + quoted(std::filesystem::path(argument).wstring());
    STARTUPINFOW start{};
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    const HANDLE self = ::GetCurrentProcess();
    if (!::DuplicateHandle(self, HANDLE(::_get_osfhandle(errors)), self, &start.hStdError, 0, TRUE,
                           DUPLICATE_SAME_ACCESS))
        return -1;
    PROCESS_INFORMATION child{};
    const bool started =
        ::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &child);
    ::CloseHandle(start.hStdError);
    if (!started) {
        errno = ENOENT;
        return -1;
    }
    DWORD code = 1;
    ::WaitForSingleObject(child.hProcess, INFINITE);
    ::GetExitCodeProcess(child.hProcess, &code);
    ::CloseHandle(child.hProcess);
    ::CloseHandle(child.hThread);
    return int(code & 0xff);
}

#else

namespace {

// The pages of a part of a mapping: all that it touches, or those that are wholly its own.
std::span<std::byte> pages_of(std::span<const std::byte> part, bool whole) {
    static const auto page = uintptr_t(::sysconf(_SC_PAGESIZE));
    const auto begin = uintptr_t(part.data()), end = begin + part.size();
    const uintptr_t first = (whole ? begin + page - 1 : begin) / page * page, last = whole ? end / page * page : end;
    return {reinterpret_cast<std::byte*>(first), last > first ? last - first : 0};
}

} // namespace

int open_to_read(const std::filesystem::path& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

int create_temporary(std::string& name) {
    name += ".XXXXXX";
    return ::mkstemp(name.data());
}

bool inform(int file, FileInfo& info) {
    struct stat s {};
    if (::fstat(file, &s) != 0) return false;
    info = {S_ISREG(s.st_mode), uint64_t(s.st_size)};
    return true;
}

int64_t read(int file, void* to, size_t size) {
    for (;;)
        if (const ssize_t n = ::read(file, to, size); n >= 0 || errno != EINTR) return n;
}
int64_t write(int file, const void* from, size_t size) {
    for (;;)
        if (const ssize_t n = ::write(file, from, size); n >= 0 || errno != EINTR) return n;
}
bool rewind(int file) { return ::lseek(file, 0, SEEK_SET) == 0; }
bool resize(int file, uint64_t size) { return ::ftruncate(file, off_t(size)) == 0; }
bool settle(int file) {
    const mode_t mask = ::umask(0); // mkstemp gives 0600; a file made by open() would have these rights
    ::umask(mask);
    (void)::fchmod(file, 0666 & ~mask);
    return ::fsync(file) == 0;
}
void close(int file) { ::close(file); }

const std::byte* map(int file, size_t size) {
    const void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    return data == MAP_FAILED ? nullptr : static_cast<const std::byte*>(data);
}
void unmap(const std::byte* data, size_t size) { ::munmap(const_cast<std::byte*>(data), size); }
void read_now(std::span<const std::byte> part) {
    const auto pages = pages_of(part, false);
#ifdef MADV_POPULATE_READ
    if (::madvise(pages.data(), pages.size(), MADV_POPULATE_READ) == 0) return;
#endif
    (void)::madvise(pages.data(), pages.size(), MADV_WILLNEED);
}
void let_go(std::span<const std::byte> part) {
    const auto pages = pages_of(part, true);
    if (!pages.empty()) (void)::madvise(pages.data(), pages.size(), MADV_DONTNEED);
}

std::filesystem::path cache_dir() {
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg == '/') return xdg;
    if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache";
    return {};
}

int run(const std::vector<std::string>& command, int errors) {
    std::vector<char*> arguments;
    for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    pid_t child = 0;
    errno = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno) return -1;
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#endif

} // namespace weft::detail::os
