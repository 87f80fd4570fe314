// SPDX-License-Identifier: Apache-2.0
// Tests of Result: what is asked of one that holds something else, and what exceptions become.
#include "base/result.hpp"
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::detail;

namespace {

// What a process of its own, which does `body`, writes to standard error, and whether it aborted.
template <class F>
std::pair<std::string, bool> in_child(F body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL); // the test runner's own handler would report a failed test
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::dup2(ends[1], 2);
        body();
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    char buffer[256];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, size_t(n));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return {text, WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT};
}

Result<std::vector<int>> some(bool there) {
    if (there) return std::vector<int>{1, 2, 3};
    return Error{ErrorCode::not_found, "there are none", {}};
}

template <class F>
Result<int> guarded(F body) try {
    body();
    return 0;
}
weft_CATCH

} // namespace

TEST_CASE("result: the value of a failed one ends the process with its error") {
    const std::pair<std::string, bool> ended{"weft: the value of a failed result was asked for: there are none\n",
                                             true};
    CHECK(in_child([] { (void)some(false).value(); }) == ended);
    CHECK(in_child([] { (void)*some(false); }) == ended);
    CHECK(in_child([] { (void)some(false)->size(); }) == ended);
    CHECK(in_child([] {
              const auto r = some(false);
              (void)r.value();
          }) == ended);
    CHECK(in_child([] { (void)some(true).error(); }).second);
    CHECK_FALSE(in_child([] { (void)some(true).value(); }).second);
}

TEST_CASE("result: a loop over the value of a temporary walks what is there") {
    std::vector<int> seen;
    for (const int n : *some(true)) seen.push_back(n);
    CHECK(seen == std::vector<int>{1, 2, 3});
    const std::unique_ptr<int> taken = *Result<std::unique_ptr<int>>(std::make_unique<int>(4));
    CHECK(*taken == 4);
}

TEST_CASE("result: what a public function throws inside becomes an error") {
    CHECK(guarded([] { throw std::bad_alloc(); }).error().code == ErrorCode::out_of_memory);
    CHECK(guarded([] { throw std::length_error("too long"); }).error().code == ErrorCode::out_of_memory);
    const auto file = guarded([] { (void)std::filesystem::file_size("/nowhere/at all"); });
    CHECK(file.error().code == ErrorCode::io);
    CHECK(file.error().message == "/nowhere/at all: No such file or directory");
    const auto other = guarded([] { throw std::runtime_error("a library's words"); });
    CHECK(other.error().code == ErrorCode::internal);
    CHECK(other.error().message == "something failed that should not: a library's words");
    CHECK(guarded([] { throw 7; }).error().code == ErrorCode::internal);
}
