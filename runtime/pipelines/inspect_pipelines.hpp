// SPDX-License-Identifier: Apache-2.0
// L6: what the driver's compiler says of the pipelines that a model's programs use.
#pragma once
#include "schedule/plan.hpp"
#include "schedule/session_options.hpp"
#include <weft/inspect.hpp>

namespace weft::detail {

struct Planned {
    const Schedule& schedule;
    const std::vector<DeviceWeight>& weights;
    const std::vector<StateLayout>& states;
    const SessionOptions& session;
};

struct NamedBucket {
    std::string name;
    Bucket bucket;
};
/// Decoding of 1 and 8 sequences, prefill of 16, 256 and 1024 rows, and what runs before a step, as far as the model
/// does so.
std::vector<NamedBucket> programs_of(const Schedule& schedule, const SessionOptions& session);

/// Plans programs_of() and builds their pipelines.
Status report_pipelines(const vk::Device& device, const Planned& planned, Inspection& in);

} // namespace weft::detail
