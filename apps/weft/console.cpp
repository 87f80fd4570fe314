// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"
#include "command.hpp"
#include <cerrno>
#include <csignal>
#include <cstdlib>
#ifdef _WIN32
#include <fcntl.h>
#include <filesystem>
#include <io.h>
#include <windows.h>

#include <shellapi.h> // needs windows.h
#else
#include <poll.h>
#include <unistd.h>
#endif

namespace app {

volatile std::sig_atomic_t g_interrupted = 0;

namespace {

void note(int signal) {
    if (g_interrupted) std::_Exit(kSignalled + signal); // a second one does not wait
    g_interrupted = signal;
}

} // namespace

#ifdef _WIN32

void catch_interrupts() {
    // On a thread of its own; closing the window and logging off leave a few seconds.
    ::SetConsoleCtrlHandler(
        [](DWORD event) -> BOOL {
            note(event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT ? SIGINT : SIGTERM);
            return TRUE;
        },
        TRUE);
}

std::vector<std::string> open_console(int, char**) {
    for (const int file : {0, 1, 2}) ::_setmode(file, _O_BINARY);
    ::SetConsoleCP(CP_UTF8);
    ::SetConsoleOutputCP(CP_UTF8);
    if (DWORD mode = 0; ::GetConsoleMode(::GetStdHandle(STD_ERROR_HANDLE), &mode)) // for what wipes a line
        ::SetConsoleMode(::GetStdHandle(STD_ERROR_HANDLE), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    int count = 0;
    wchar_t** const wide = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    std::vector<std::string> arguments;
    for (int i = 0; i < count; ++i) arguments.push_back(std::filesystem::path(wide[i]).string());
    ::LocalFree(wide);
    return arguments;
}

bool is_terminal(Stream stream) { return ::_isatty(int(stream)); }
int64_t read_some(std::span<char> bytes) { return ::_read(0, bytes.data(), unsigned(bytes.size())); }
bool reader_gone() { return errno == EPIPE || errno == EINVAL; }

#else

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = note;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        sigaction(signal, nullptr, &before);
        if (signal == SIGHUP && before.sa_handler == SIG_IGN) continue; // nohup
        sigaction(signal, &action, nullptr);
    }
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (const int signal : {SIGPIPE, SIGXFSZ}) sigaction(signal, &ignore, nullptr);
}

std::vector<std::string> open_console(int argc, char** argv) { return {argv, argv + argc}; }

bool is_terminal(Stream stream) { return ::isatty(int(stream)); }
int64_t read_some(std::span<char> bytes) { return ::read(STDIN_FILENO, bytes.data(), bytes.size()); }

bool reader_gone() {
    pollfd out{STDOUT_FILENO, 0, 0};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

#endif

} // namespace app
