// SPDX-License-Identifier: Apache-2.0
// L6: what a Model and a Sequence hold.
#pragma once
#include "base/access.hpp"
#include "pipelines/generation_defaults.hpp"
#include "pipelines/picture_reading.hpp"
#include "schedule/session.hpp"
#include <weft/sequence.hpp>

namespace weft::detail {

struct ModelState {
    Device device;
    std::filesystem::path path;
    std::shared_ptr<const LoadedModel> loaded;
    std::optional<Tokenizer> tokenizer;
    GenerationDefaults defaults;
    /// Or why the model sees no pictures.
    Result<PictureReading> reading =
        Error{ErrorCode::invalid_argument, "the model was loaded without what sees pictures", {}};

    const Schedule& schedule() const { return loaded->schedule; }
    /// Whether prompts are an encoder's, and the text is what its decoder makes of them.
    bool encoder() const { return has_encoder(schedule()); }
};

struct SequenceState {
    Model model; // before the session: it keeps the device that the session's memory is on
    SequenceOptions options;
    std::unique_ptr<Session> session; ///< of one slot
};

struct SnapshotState {
    Model model;
    Snapshot snapshot;
};

/// Of one slot; `held`: SessionOptions::held.
Result<std::unique_ptr<Session>> make_session(const Model& model, const SequenceOptions& options, uint32_t held = 0);

} // namespace weft::detail
