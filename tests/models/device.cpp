// SPDX-License-Identifier: Apache-2.0
#include "device.hpp"
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>

namespace weft::test {
using namespace detail;
namespace {

std::optional<Result<Device>> made;

struct DestroyPublicDevice : Catch::EventListenerBase {
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override { made.reset(); }
};

} // namespace
CATCH_REGISTER_LISTENER(DestroyPublicDevice)

Device& device() {
    if (!made) {
        auto opened = open_device();
        if (opened) made.emplace(detail::Access::make<Device>(std::shared_ptr<vk::Device>(std::move(*opened))));
        else made.emplace(opened.error());
    }
    if (!*made) no_device(made->error());
    return made->value();
}

} // namespace weft::test
